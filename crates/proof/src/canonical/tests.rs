use std::collections::{BTreeMap, HashMap};

use proptest::prelude::*;
use serde::Serialize;
use serde_json::{Value, json};

use super::*;

fn text<T: Serialize>(value: &T) -> String {
    String::from_utf8(to_bytes(value).unwrap()).unwrap()
}

#[derive(Serialize)]
enum Shape {
    Unit,
    New(i32),
    Pair(bool, Option<u8>),
    Named { zeta: char, alpha: Vec<u16> },
}

#[derive(Serialize)]
struct OutOfOrder<'a> {
    work: &'a str,
    amount_minor: i64,
    inner: HashMap<String, Shape>,
    #[serde(flatten)]
    rest: BTreeMap<String, u8>,
}

#[test]
fn every_shape_is_written_as_the_rfc_crate_writes_it() {
    for shape in [Shape::Unit, Shape::New(-1), Shape::Pair(true, None), Shape::Named { zeta: 'ß', alpha: vec![1, 2] }]
    {
        let value = OutOfOrder {
            work: "a \"quoted\" \\ line\n\u{7f}\u{1}",
            amount_minor: -INTEGER_MAX,
            inner: HashMap::from([("b".into(), Shape::Unit), ("a\"".into(), shape)]),
            rest: BTreeMap::from([("b".into(), 1), ("zz".into(), 2)]),
        };
        assert_eq!(to_bytes(&value).unwrap(), serde_json_canonicalizer::to_vec(&value).unwrap());
    }
}

#[test]
fn keys_are_ordered_by_utf16_code_units() {
    // U+1F600 begins with the surrogate D83D and so comes before U+FB33, unlike in UTF-8.
    let value = json!({"\u{fb33}": 1, "\u{1f600}": 2, "€": 3, "ö": 4, "1": 5, "\r": 6});
    assert_eq!(text(&value), "{\"\\r\":6,\"1\":5,\"ö\":4,\"€\":3,\"\u{1f600}\":2,\"\u{fb33}\":1}");
}

#[test]
fn integer_and_boolean_keys_are_text() {
    assert_eq!(text(&BTreeMap::from([(10, 'a'), (9, 'b')])), r#"{"10":"a","9":"b"}"#);
    assert_eq!(text(&BTreeMap::from([(true, 1), (false, 2)])), r#"{"false":2,"true":1}"#);
    assert_eq!(to_bytes(&BTreeMap::from([(vec![1], 1)])), Err(CanonicalError::KeyIsNotText));
}

#[test]
fn fractions_are_refused_wherever_they_stand() {
    assert_eq!(to_bytes(&1.0_f64), Err(CanonicalError::Fraction));
    assert_eq!(to_bytes(&json!({"a": [1, {"b": 0.5}]})), Err(CanonicalError::Fraction));
    assert_eq!(to_bytes(&f64::NAN), Err(CanonicalError::Fraction));
    assert_eq!(to_bytes(&f32::INFINITY), Err(CanonicalError::Fraction));
}

#[test]
fn integers_end_at_two_to_the_53_minus_one() {
    assert_eq!(text(&INTEGER_MAX), "9007199254740991");
    assert_eq!(text(&-INTEGER_MAX), "-9007199254740991");
    for integer in [i128::from(INTEGER_MAX) + 1, -i128::from(INTEGER_MAX) - 1, i128::from(u64::MAX), i128::MIN] {
        assert_eq!(to_bytes(&integer), Err(CanonicalError::IntegerOutOfRange(integer)));
    }
    assert_eq!(to_bytes(&json!([u64::MAX])), Err(CanonicalError::IntegerOutOfRange(u64::MAX.into())));
    assert_eq!(to_bytes(&i64::MIN), Err(CanonicalError::IntegerOutOfRange(i64::MIN.into())));
}

#[test]
fn a_key_twice_is_refused() {
    #[derive(Serialize)]
    struct Twice {
        a: u8,
        #[serde(flatten)]
        more: BTreeMap<String, u8>,
    }
    let value = Twice { a: 1, more: BTreeMap::from([("a".into(), 2)]) };
    assert_eq!(to_bytes(&value), Err(CanonicalError::DuplicateKey("a".into())));
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-INTEGER_MAX..=INTEGER_MAX).prop_map(Value::from),
        (-100_i64..=100).prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        "[\\x00-\\x7f]{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 64, 8, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..8).prop_map(Value::from),
            prop::collection::hash_map(any::<String>(), inner.clone(), 0..8).prop_map(Value::from_iter),
            prop::collection::hash_map("[a-c\\x00\"\u{e000}\u{ffff}\u{1f600}]{0,3}", inner, 0..8)
                .prop_map(Value::from_iter),
        ]
    })
}

/// A map that hands out its members in whatever order they have, as a struct does.
#[derive(Debug)]
struct InOrderOf(Vec<(String, Value)>);

impl Serialize for InOrderOf {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(key, value)| (key, value)))
    }
}

proptest! {
    #[test]
    fn every_value_is_written_as_the_rfc_crate_writes_it(value in any_value()) {
        let bytes = to_bytes(&value).unwrap();
        prop_assert_eq!(&bytes, &serde_json_canonicalizer::to_vec(&value).unwrap());
        prop_assert_eq!(serde_json::from_slice::<Value>(&bytes).unwrap(), value);
    }

    #[test]
    fn the_order_of_members_does_not_matter(
        members in prop::collection::hash_map(any::<String>(), any_value(), 0..12)
            .prop_map(|members| members.into_iter().collect::<Vec<_>>()).prop_shuffle()
    ) {
        let value = InOrderOf(members);
        prop_assert_eq!(to_bytes(&value).unwrap(), serde_json_canonicalizer::to_vec(&value).unwrap());
    }
}
