//! Turning stored texts into what an event holds, whatever database they come from.

use std::sync::Arc;

use super::StoredPersonal;

/// The last few different texts of one column: the events of a page share what they have in common.
#[derive(Default)]
pub(crate) struct Recent {
    texts: Vec<Arc<str>>,
    next: usize,
}

impl Recent {
    const KEPT: usize = 8;

    pub(crate) fn text(&mut self, text: &str) -> Arc<str> {
        if let Some(text) = self.texts.iter().find(|recent| ***recent == *text) {
            return Arc::clone(text);
        }
        let text: Arc<str> = text.into();
        if self.texts.len() < Self::KEPT {
            self.texts.push(Arc::clone(&text));
        } else {
            self.texts[self.next] = Arc::clone(&text);
            self.next = (self.next + 1) % Self::KEPT;
        }
        text
    }
}

/// `{"field":"hex"}` in the order of the names, as this program wrote it; the texts themselves come later.
pub(crate) fn personal(commitments: &str) -> Option<Vec<StoredPersonal>> {
    let text = commitments.strip_prefix('{')?.strip_suffix('}')?;
    let mut personal = Vec::new();
    for member in text.split(',') {
        let (name, hash) = member.strip_prefix('"')?.strip_suffix('"')?.split_once("\":\"")?;
        let mut commitment = [0; 32];
        hex::decode_to_slice(hash, &mut commitment).ok()?;
        personal.push(StoredPersonal { name: name.into(), disclosed: None, commitment });
    }
    Some(personal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commitments_are_read_as_they_are_written() {
        let text = format!(r#"{{"note":"{}","subject":"{}"}}"#, "01".repeat(32), "ab".repeat(32));
        let fields = personal(&text).unwrap();
        assert_eq!(fields.iter().map(|field| &*field.name).collect::<Vec<_>>(), ["note", "subject"]);
        assert_eq!(fields[1].commitment, [0xab; 32]);
        for wrong in ["", "{}", "{\"a\":1}", "{\"a\":\"00\"}"] {
            assert_eq!(personal(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn recent_texts_are_shared_and_few() {
        let mut recent = Recent::default();
        let first = recent.text("a");
        assert!(Arc::ptr_eq(&first, &recent.text("a")));
        for number in 0..100 {
            assert_eq!(&*recent.text(&number.to_string()), number.to_string());
        }
        assert_eq!(recent.texts.len(), Recent::KEPT);
    }
}
