//! What editor and evaluator say to each other: an entry is its length and its text; the answer is one byte when the
//! session goes on, and the end of the connection when the evaluator ends.

use std::io::{self, ErrorKind, Read, Write};

const DONE: u8 = b'.';

/// Sends an entry.
pub fn write_entry(to: &mut impl Write, text: &str) -> io::Result<()> {
    to.write_all(&(text.len() as u64).to_le_bytes())?;
    to.write_all(text.as_bytes())
}

/// The next entry; `None` when there will be none.
pub fn read_entry(from: &mut impl Read) -> io::Result<Option<String>> {
    let mut length = [0; 8];
    match from.read_exact(&mut length) {
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(None),
        result => result?,
    }
    let length = u64::from_le_bytes(length);
    let mut text = String::new();
    if from.take(length).read_to_string(&mut text)? as u64 == length {
        Ok(Some(text))
    } else {
        Err(ErrorKind::UnexpectedEof.into())
    }
}

/// Says that an entry was evaluated.
pub fn write_done(to: &mut impl Write) -> io::Result<()> {
    to.write_all(&[DONE])
}

/// Waits until an entry was evaluated; an error when the evaluator ended.
pub fn read_done(from: &mut impl Read) -> io::Result<()> {
    from.read_exact(&mut [0])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Entries arrive whole, also empty ones and those with line ends; a connection cut in an entry is an error.
    #[test]
    fn entries_arrive_whole() {
        let mut bytes = Vec::new();
        for text in ["", "a\nb", "é"] {
            write_entry(&mut bytes, text).unwrap();
        }
        let mut rest = &bytes[..];
        for text in ["", "a\nb", "é"] {
            assert_eq!(read_entry(&mut rest).unwrap().as_deref(), Some(text));
        }
        assert_eq!(read_entry(&mut rest).unwrap(), None);
        assert!(read_entry(&mut &bytes[..bytes.len() - 1][8 + 8 + 3..]).is_err());
    }
}
