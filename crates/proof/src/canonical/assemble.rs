//! The buffer that a value is written into, and the objects open in it.

use super::CanonicalError;
use super::text::{key_order, write_string};

/// Canonical JSON in the making.
pub(super) struct Json {
    pub(super) out: Vec<u8>,
    /// Members of all objects that are still open, the innermost last.
    members: Vec<Member>,
    /// Their keys, unescaped, one after the other.
    keys: String,
    /// The previous bytes of an object that is being put in order.
    unordered: Vec<u8>,
}

/// Where one member's `"key":value` stands.
struct Member {
    key_start: usize,
    key_end: usize,
    start: usize,
    end: usize,
}

/// An open object.
pub(super) struct Object {
    first_member: usize,
    first_key: usize,
    body: usize,
    in_order: bool,
}

impl Json {
    /// With room for what most values take, so that few grow in steps.
    pub(super) fn new() -> Self {
        Self {
            out: Vec::with_capacity(1_024),
            members: Vec::with_capacity(32),
            keys: String::with_capacity(256),
            unordered: Vec::new(),
        }
    }

    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.out
    }

    pub(super) fn begin_object(&mut self) -> Object {
        self.out.push(b'{');
        Object { first_member: self.members.len(), first_key: self.keys.len(), body: self.out.len(), in_order: true }
    }

    /// The value is to be written next, then [`Json::end_member`].
    pub(super) fn begin_member(&mut self, object: &mut Object, key: &str) {
        if let Some(previous) = self.members.get(object.first_member..).and_then(<[Member]>::last) {
            object.in_order &= key_order(&self.keys[previous.key_start..previous.key_end], key).is_lt();
            self.out.push(b',');
        }
        let start = self.out.len();
        let key_start = self.keys.len();
        self.keys.push_str(key);
        self.members.push(Member { key_start, key_end: self.keys.len(), start, end: start });
        write_string(&mut self.out, key);
        self.out.push(b':');
    }

    pub(super) fn end_member(&mut self) {
        if let Some(member) = self.members.last_mut() {
            member.end = self.out.len();
        }
    }

    pub(super) fn end_object(&mut self, object: &Object) -> Result<(), CanonicalError> {
        if !object.in_order {
            self.put_in_order(object)?;
        }
        self.members.truncate(object.first_member);
        self.keys.truncate(object.first_key);
        self.out.push(b'}');
        Ok(())
    }

    fn put_in_order(&mut self, object: &Object) -> Result<(), CanonicalError> {
        let keys = &self.keys;
        let key_of = |member: &Member| &keys[member.key_start..member.key_end];
        let members = &mut self.members[object.first_member..];
        members.sort_unstable_by(|left, right| key_order(key_of(left), key_of(right)));
        if let Some(pair) = members.windows(2).find(|pair| key_of(&pair[0]) == key_of(&pair[1])) {
            return Err(CanonicalError::DuplicateKey(key_of(&pair[0]).to_owned()));
        }
        self.unordered.clear();
        self.unordered.extend_from_slice(&self.out[object.body..]);
        self.out.truncate(object.body);
        for (index, member) in members.iter().enumerate() {
            if index > 0 {
                self.out.push(b',');
            }
            self.out.extend_from_slice(&self.unordered[member.start - object.body..member.end - object.body]);
        }
        Ok(())
    }
}
