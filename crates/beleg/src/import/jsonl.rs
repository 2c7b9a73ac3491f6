//! JSON Lines: one command a line, as
//! `{"logWork": {…protobuf JSON…}, "actor": "…", "origin": "…"}`.
//!
//! The key is an rpc's name in lower camel case. `actor` and `origin` may be left
//! out; so may `requestId`, which then is derived from the line's content and how
//! often the same line came before, so that moving or adding lines changes no
//! other line's id.

use super::{Item, Read, Source, Trouble, input};
use crate::command::Command;
use crate::failure::Failure;
use crate::ids;
use crate::lang::Lang;
use crate::said::{QUOTED, Said};
use serde_json::{Map, Value};
use std::collections::HashMap;
use std::io::{self, BufRead, Read as _};
use std::path::Path;

/// The longest line taken; the server's limits on texts lie far below.
const LINE_BYTES_MAX: u64 = 4 << 20;
/// Where a line without an origin of its own says it comes from.
const ORIGIN: &str = "import:jsonl";

/// Opens a file, or standard input for `-`.
pub(super) fn open(path: &Path, actor: &str, lang: Lang) -> Result<Source, Failure> {
    let mut input = input::open(path, lang)?;
    input::expect_json_lines(path, &mut input, lang)?;
    let input::Input { bytes: total, reader: input } = input;
    let path = path.to_owned();
    let lines = Lines { input, number: 0, bytes: 0, actor: actor.to_owned(), seen: HashMap::new(), lang };
    let reads =
        lines.map(move |read| read.unwrap_or_else(|error| Read::Broken(Failure::File { path: path.clone(), error })));
    Ok(Source { total, reads: Box::new(reads) })
}

struct Lines {
    input: Box<dyn BufRead + Send>,
    number: u64,
    bytes: u64,
    actor: String,
    /// How often a line without a request id came, by half its hash: sixteen
    /// bytes a line instead of the line.
    seen: HashMap<[u8; 16], u32>,
    /// Language of what is wrong with a line.
    lang: Lang,
}

impl Iterator for Lines {
    type Item = io::Result<Read>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let mut line = Vec::new();
            let length = match (&mut self.input).take(LINE_BYTES_MAX + 1).read_until(b'\n', &mut line) {
                Ok(0) => return None,
                Ok(length) => length as u64,
                Err(error) => return Some(Err(error)),
            };
            self.number += 1;
            self.bytes += length;
            let ended = line.last() == Some(&b'\n');
            if !ended && length > LINE_BYTES_MAX {
                let long = Said::new(
                    format!("länger als {LINE_BYTES_MAX} Byte; aufteilen"),
                    format!("longer than {LINE_BYTES_MAX} bytes; split it"),
                );
                return Some(self.skip_rest().map(|()| self.bad(long)));
            }
            if line.trim_ascii().is_empty() {
                continue;
            }
            return Some(Ok(self.parse(&line).unwrap_or_else(|reason| self.bad(reason))));
        }
    }
}

impl Lines {
    fn bad(&self, reason: Said) -> Read {
        Read::Bad(Trouble { line: self.number, code: None, reason: reason.in_(self.lang) })
    }

    /// Reads past the rest of a line that is too long, without keeping it.
    fn skip_rest(&mut self) -> io::Result<()> {
        loop {
            let buffer = self.input.fill_buf()?;
            if buffer.is_empty() {
                return Ok(());
            }
            let end = buffer.iter().position(|byte| *byte == b'\n');
            let taken = end.map_or(buffer.len(), |end| end + 1);
            self.input.consume(taken);
            self.bytes += taken as u64;
            if end.is_some() {
                return Ok(());
            }
        }
    }

    fn parse(&mut self, line: &[u8]) -> Result<Read, Said> {
        let line = std::str::from_utf8(line).map_err(|_| Said::new("kein Text in UTF-8", "no UTF-8 text"))?.trim();
        let mut object: Map<String, Value> = serde_json::from_str(line).map_err(|error| no_json(&error))?;
        let actor = text(&mut object, "actor")?.unwrap_or_else(|| self.actor.clone());
        let origin = text(&mut object, "origin")?.unwrap_or_else(|| ORIGIN.to_owned());
        let mut keys = object.into_iter();
        let (Some((name, mut body)), None) = (keys.next(), keys.next()) else {
            return Err(Said::new(
                "eine Zeile ist ein Befehl, etwa {\"openTicket\": {…}}",
                "a line is one command, such as {\"openTicket\": {…}}",
            ));
        };
        let fields = body
            .as_object_mut()
            .ok_or_else(|| Said::new(format!("{name} nimmt ein Objekt"), format!("{name} takes an object")))?;
        let named = |key: &str| fields.get(key).and_then(Value::as_str).is_some_and(|id| !id.is_empty());
        if !named("requestId") && !named("request_id") {
            let id = self.request_id(line);
            fields.remove("request_id");
            fields.insert("requestId".to_owned(), Value::String(id));
        }
        let command = Command::from_json(&name, body)?;
        let (line, behind) = (self.number, self.bytes);
        Ok(Read::Item(Box::new(Item { line, behind, actor, origin, synthetic: false, command })))
    }

    fn request_id(&mut self, line: &str) -> String {
        let mut key = [0; 16];
        key.copy_from_slice(&ids::digest(&[line])[..16]);
        let ordinal = self.seen.entry(key).or_insert(0);
        *ordinal += 1;
        ids::derived(&["jsonl", line, &ordinal.to_string()]).to_string()
    }
}

/// What the parser says, without its own count of lines: a line has only one.
fn no_json(error: &serde_json::Error) -> Said {
    let said = error.to_string();
    let what = said.split(" at line ").next().unwrap_or_default();
    let column = error.column();
    Said::new(
        format!("kein JSON-Objekt, Spalte {column}; {QUOTED} {what}"),
        format!("no JSON object: {what}, column {column}"),
    )
}

fn text(object: &mut Map<String, Value>, key: &str) -> Result<Option<String>, Said> {
    match object.remove(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if !text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic()) => Ok(Some(text)),
        Some(_) => Err(Said::new(
            format!("{key} ist ein Text aus sichtbaren ASCII-Zeichen"),
            format!("{key} is a text of visible ASCII characters"),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::{LINE_BYTES_MAX, Lines, Read};
    use crate::command::Command;
    use crate::lang::Lang;
    use std::collections::HashMap;
    use std::io::Cursor;

    fn lines(text: String) -> Vec<Read> {
        let input = Box::new(Cursor::new(text.into_bytes()));
        let lines = Lines { input, number: 0, bytes: 0, actor: "a".to_owned(), seen: HashMap::new(), lang: Lang::En };
        lines.map(|read| read.expect("memory can be read")).collect()
    }

    fn request_id(read: &Read) -> String {
        match read {
            Read::Item(item) => match &item.command {
                Command::ResolveTicket(request) => request.request_id.clone(),
                _ => String::new(),
            },
            _ => String::new(),
        }
    }

    #[test]
    fn ids_follow_content_not_place() {
        let (one, other) = (r#"{"resolveTicket":{"ticketId":"t"}}"#, r#"{"resolveTicket":{"ticketId":"u"}}"#);
        let first = lines(format!("{one}\n{other}\n{one}\n"));
        let second = lines(format!("\n{other}\n{one}\n{one}"));
        assert_eq!(request_id(&first[0]), request_id(&second[1]));
        assert_eq!(request_id(&first[1]), request_id(&second[0]));
        assert_eq!(request_id(&first[2]), request_id(&second[2]));
        assert_ne!(request_id(&first[0]), request_id(&first[2]));
    }

    #[test]
    fn bad_lines_have_a_number_and_a_reason_and_stop_nothing() {
        let long = "x".repeat(usize::try_from(LINE_BYTES_MAX).expect("fits") + 10);
        let text = format!(
            "{{}}\n\nnot json\n{long}\n{{\"resolveTicket\":{{\"ticketId\":\"t\",\"what\":1}}}}\n\
             {{\"closeTicket\":{{}},\"openTicket\":{{}}}}\n{{\"closeTicket\":{{\"ticketId\":\"t\"}}}}\n"
        );
        let bad: Vec<u64> = lines(text)
            .iter()
            .filter_map(|read| if let Read::Bad(trouble) = read { Some(trouble.line) } else { None })
            .collect();
        assert_eq!(bad, [1, 3, 4, 5, 6]);
    }
}
