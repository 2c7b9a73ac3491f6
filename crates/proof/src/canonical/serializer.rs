//! Serde's data model written as canonical JSON, in the shapes that `serde_json` gives it.

use serde::ser::{
    Impossible, Serialize, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant, Serializer,
};

use super::CanonicalError;
use super::assemble::{Json, Object};
use super::text::{write_integer, write_string};

type Outcome = Result<(), CanonicalError>;

/// Writes one value.
pub(super) struct ValueSerializer<'a>(pub(super) &'a mut Json);

/// An open array; with an object around it if it is the content of an enum variant.
pub(super) struct Array<'a> {
    json: &'a mut Json,
    first: bool,
    around: Option<Object>,
}

/// An open object; with another around it if it is the content of an enum variant.
pub(super) struct Members<'a> {
    json: &'a mut Json,
    object: Object,
    around: Option<Object>,
}

impl<'a> ValueSerializer<'a> {
    fn literal(self, text: &[u8]) -> Outcome {
        self.0.out.extend_from_slice(text);
        Ok(())
    }

    fn array(self, around: Option<Object>) -> Array<'a> {
        self.0.out.push(b'[');
        Array { json: self.0, first: true, around }
    }

    fn members(self, around: Option<Object>) -> Members<'a> {
        let object = self.0.begin_object();
        Members { json: self.0, object, around }
    }

    fn variant(&mut self, name: &str) -> Object {
        let mut object = self.0.begin_object();
        self.0.begin_member(&mut object, name);
        object
    }
}

impl Array<'_> {
    fn element<T: Serialize + ?Sized>(&mut self, value: &T) -> Outcome {
        if !self.first {
            self.json.out.push(b',');
        }
        self.first = false;
        value.serialize(ValueSerializer(self.json))
    }

    fn finish(self) -> Outcome {
        self.json.out.push(b']');
        finish_around(self.json, self.around)
    }
}

impl Members<'_> {
    fn member<T: Serialize + ?Sized>(&mut self, key: &str, value: &T) -> Outcome {
        self.json.begin_member(&mut self.object, key);
        value.serialize(ValueSerializer(self.json))?;
        self.json.end_member();
        Ok(())
    }

    fn finish(self) -> Outcome {
        self.json.end_object(&self.object)?;
        finish_around(self.json, self.around)
    }
}

fn finish_around(json: &mut Json, around: Option<Object>) -> Outcome {
    match around {
        Some(object) => {
            json.end_member();
            json.end_object(&object)
        }
        None => Ok(()),
    }
}

/// A struct name that serde_json uses to smuggle text past serializers.
fn is_raw(name: &str) -> bool {
    name.starts_with("$serde_json::private::")
}

macro_rules! integers {
    ($($method:ident: $type:ty),*) => {$(
        fn $method(self, value: $type) -> Outcome {
            match i64::try_from(value) {
                Ok(value) => write_integer(&mut self.0.out, value),
                Err(_) => Err(CanonicalError::IntegerOutOfRange(i128::try_from(value).unwrap_or(i128::MAX))),
            }
        }
    )*};
}

impl<'a> Serializer for ValueSerializer<'a> {
    type Ok = ();
    type Error = CanonicalError;
    type SerializeSeq = Array<'a>;
    type SerializeTuple = Array<'a>;
    type SerializeTupleStruct = Array<'a>;
    type SerializeTupleVariant = Array<'a>;
    type SerializeMap = KeyedMembers<'a>;
    type SerializeStruct = Members<'a>;
    type SerializeStructVariant = Members<'a>;

    #[allow(clippy::useless_conversion, reason = "one text for every integer type")]
    fn serialize_i64(self, value: i64) -> Outcome {
        write_integer(&mut self.0.out, value)
    }

    integers!(serialize_i8: i8, serialize_i16: i16, serialize_i32: i32, serialize_i128: i128,
        serialize_u8: u8, serialize_u16: u16, serialize_u32: u32, serialize_u64: u64, serialize_u128: u128);

    fn serialize_bool(self, value: bool) -> Outcome {
        self.literal(if value { b"true" } else { b"false" })
    }

    fn serialize_f32(self, _: f32) -> Outcome {
        Err(CanonicalError::Fraction)
    }

    fn serialize_f64(self, _: f64) -> Outcome {
        Err(CanonicalError::Fraction)
    }

    fn serialize_char(self, value: char) -> Outcome {
        self.serialize_str(value.encode_utf8(&mut [0; 4]))
    }

    fn serialize_str(self, value: &str) -> Outcome {
        write_string(&mut self.0.out, value);
        Ok(())
    }

    fn serialize_bytes(self, value: &[u8]) -> Outcome {
        self.collect_seq(value)
    }

    fn serialize_none(self) -> Outcome {
        self.literal(b"null")
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Outcome {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Outcome {
        self.literal(b"null")
    }

    fn serialize_unit_struct(self, _: &'static str) -> Outcome {
        self.literal(b"null")
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Outcome {
        self.serialize_str(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, name: &'static str, value: &T) -> Outcome {
        if is_raw(name) {
            return Err(CanonicalError::Raw);
        }
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        mut self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Outcome {
        let around = self.variant(variant);
        value.serialize(ValueSerializer(self.0))?;
        finish_around(self.0, Some(around))
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Array<'a>, CanonicalError> {
        Ok(self.array(None))
    }

    fn serialize_tuple(self, _: usize) -> Result<Array<'a>, CanonicalError> {
        Ok(self.array(None))
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Array<'a>, CanonicalError> {
        Ok(self.array(None))
    }

    fn serialize_tuple_variant(
        mut self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Array<'a>, CanonicalError> {
        let around = self.variant(variant);
        Ok(self.array(Some(around)))
    }

    fn serialize_map(self, _: Option<usize>) -> Result<KeyedMembers<'a>, CanonicalError> {
        Ok(KeyedMembers { members: self.members(None), key: String::new() })
    }

    fn serialize_struct(self, name: &'static str, _: usize) -> Result<Members<'a>, CanonicalError> {
        if is_raw(name) {
            return Err(CanonicalError::Raw);
        }
        Ok(self.members(None))
    }

    fn serialize_struct_variant(
        mut self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Members<'a>, CanonicalError> {
        let around = self.variant(variant);
        Ok(self.members(Some(around)))
    }
}

macro_rules! arrays {
    ($($shape:ident: $method:ident),*) => {$(
        impl $shape for Array<'_> {
            type Ok = ();
            type Error = CanonicalError;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Outcome {
                self.element(value)
            }

            fn end(self) -> Outcome {
                self.finish()
            }
        }
    )*};
}

arrays!(SerializeSeq: serialize_element, SerializeTuple: serialize_element, SerializeTupleStruct: serialize_field,
    SerializeTupleVariant: serialize_field);

macro_rules! structs {
    ($($shape:ident),*) => {$(
        impl $shape for Members<'_> {
            type Ok = ();
            type Error = CanonicalError;

            fn serialize_field<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) -> Outcome {
                self.member(key, value)
            }

            fn end(self) -> Outcome {
                self.finish()
            }
        }
    )*};
}

structs!(SerializeStruct, SerializeStructVariant);

/// An open object whose keys are values themselves.
pub(super) struct KeyedMembers<'a> {
    members: Members<'a>,
    key: String,
}

impl SerializeMap for KeyedMembers<'_> {
    type Ok = ();
    type Error = CanonicalError;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Outcome {
        self.key.clear();
        key.serialize(KeySerializer(&mut self.key))
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Outcome {
        self.members.member(&self.key, value)
    }

    fn end(self) -> Outcome {
        self.members.finish()
    }
}

/// Takes a key's text. Integers and booleans are written out, as `serde_json` does.
struct KeySerializer<'a>(&'a mut String);

macro_rules! written_keys {
    ($($method:ident: $type:ty),*) => {$(
        fn $method(self, value: $type) -> Outcome {
            self.collect_str(&value)
        }
    )*};
}

macro_rules! refused_keys {
    ($($method:ident($($type:ty),*) -> $ok:ty),* $(,)?) => {$(
        fn $method(self, $(_: $type),*) -> Result<$ok, CanonicalError> {
            Err(CanonicalError::KeyIsNotText)
        }
    )*};
}

type NoParts = Impossible<(), CanonicalError>;

impl Serializer for KeySerializer<'_> {
    type Ok = ();
    type Error = CanonicalError;
    type SerializeSeq = NoParts;
    type SerializeTuple = NoParts;
    type SerializeTupleStruct = NoParts;
    type SerializeTupleVariant = NoParts;
    type SerializeMap = NoParts;
    type SerializeStruct = NoParts;
    type SerializeStructVariant = NoParts;

    written_keys!(serialize_bool: bool, serialize_i8: i8, serialize_i16: i16, serialize_i32: i32, serialize_i64: i64,
        serialize_i128: i128, serialize_u8: u8, serialize_u16: u16, serialize_u32: u32, serialize_u64: u64,
        serialize_u128: u128, serialize_char: char);

    fn serialize_str(self, value: &str) -> Outcome {
        self.0.push_str(value);
        Ok(())
    }

    fn collect_str<T: std::fmt::Display + ?Sized>(self, value: &T) -> Outcome {
        use std::fmt::Write as _;
        write!(self.0, "{value}").map_err(|_| CanonicalError::KeyIsNotText)
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Outcome {
        self.serialize_str(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Outcome {
        value.serialize(self)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, _: &T) -> Outcome {
        Err(CanonicalError::KeyIsNotText)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Outcome {
        Err(CanonicalError::KeyIsNotText)
    }

    refused_keys! {
        serialize_f32(f32) -> (),
        serialize_f64(f64) -> (),
        serialize_bytes(&[u8]) -> (),
        serialize_none() -> (),
        serialize_unit() -> (),
        serialize_unit_struct(&'static str) -> (),
        serialize_seq(Option<usize>) -> NoParts,
        serialize_tuple(usize) -> NoParts,
        serialize_tuple_struct(&'static str, usize) -> NoParts,
        serialize_tuple_variant(&'static str, u32, &'static str, usize) -> NoParts,
        serialize_map(Option<usize>) -> NoParts,
        serialize_struct(&'static str, usize) -> NoParts,
        serialize_struct_variant(&'static str, u32, &'static str, usize) -> NoParts,
    }
}
