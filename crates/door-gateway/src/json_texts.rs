//! The messages of a request's body: JSON objects, one after the other, each read as it comes.
//!
//! No more is held than one message and what came with its end. Where a message ends is found by its brackets; whether
//! it is JSON is for whoever decodes it.

use axum::body::{Body, BodyDataStream};
use bytes::{Bytes, BytesMut};
use futures::StreamExt as _;
use futures::stream::Fuse;

use crate::failure::Failure;

/// Reads objects off a body.
#[derive(Debug)]
pub(crate) struct JsonTexts {
    body: Fuse<BodyDataStream>,
    unread: BytesMut,
    object: Object,
    size_bytes_max: usize,
}

/// How far one object was looked at.
#[derive(Debug, Default)]
struct Object {
    seen: usize,
    depth: usize,
    place: Place,
}

/// What a byte is read as.
#[derive(Debug, Default, PartialEq, Eq)]
enum Place {
    #[default]
    Outside,
    InText,
    /// In a text, after a backslash.
    Escaped,
}

impl JsonTexts {
    /// The objects of a body, each at most that large.
    pub(crate) fn of(body: Body, size_bytes_max: usize) -> Self {
        let body = body.into_data_stream().fuse();
        Self { body, unread: BytesMut::new(), object: Object::default(), size_bytes_max }
    }

    /// The next object; none at the end of the body.
    ///
    /// # Errors
    /// If what comes is no object, is too large, or breaks off.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, Failure> {
        loop {
            self.skip_space();
            if let Some(size) = self.object.end(&self.unread)? {
                self.object = Object::default();
                return Ok(Some(self.unread.split_to(size).freeze()));
            }
            if self.unread.len() > self.size_bytes_max {
                return Err(Failure::too_large(self.unread.len(), self.size_bytes_max));
            }
            match self.body.next().await {
                Some(Ok(more)) => self.unread.extend_from_slice(&more),
                Some(Err(_)) => return Err(Failure::broken_off()),
                None if self.unread.is_empty() => return Ok(None),
                None => return Err(Failure::unreadable("unexpected EOF")),
            }
        }
    }

    /// Reads on to the end of the body, whatever comes. A connection whose request was not read to its end does not see
    /// that the client goes away.
    ///
    /// # Errors
    /// If it breaks off.
    pub(crate) async fn finish(&mut self) -> Result<(), Failure> {
        self.unread.clear();
        while let Some(more) = self.body.next().await {
            more.map_err(|_| Failure::broken_off())?;
        }
        Ok(())
    }

    fn skip_space(&mut self) {
        if self.object.seen == 0 {
            let space = self.unread.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
            let _ = self.unread.split_to(space);
        }
    }
}

impl Object {
    /// How long the object is that the text begins with; none as long as that is not seen.
    fn end(&mut self, text: &[u8]) -> Result<Option<usize>, Failure> {
        if text.first().is_some_and(|first| *first != b'{') {
            return Err(Failure::unreadable("a message is a JSON object"));
        }
        for byte in text.get(self.seen..).unwrap_or_default() {
            self.seen += 1;
            if self.is_end(*byte) {
                return Ok(Some(self.seen));
            }
        }
        Ok(None)
    }

    fn is_end(&mut self, byte: u8) -> bool {
        match (&self.place, byte) {
            (Place::Escaped, _) | (Place::Outside, b'"') => self.place = Place::InText,
            (Place::InText, b'\\') => self.place = Place::Escaped,
            (Place::InText, b'"') => self.place = Place::Outside,
            (Place::Outside, b'{' | b'[') => self.depth += 1,
            (Place::Outside, b'}' | b']') => {
                self.depth = self.depth.saturating_sub(1);
                return self.depth == 0;
            }
            _ => {}
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use futures::stream;

    use super::*;

    /// The objects of a body that comes in such pieces.
    async fn read(pieces: Vec<&'static str>, size_bytes_max: usize) -> (Vec<String>, Result<(), Failure>) {
        let body = Body::from_stream(stream::iter(pieces.into_iter().map(Ok::<_, Infallible>)));
        let mut texts = JsonTexts::of(body, size_bytes_max);
        let mut read = Vec::new();
        loop {
            match texts.next().await {
                Ok(Some(text)) => read.push(String::from_utf8(text.to_vec()).unwrap()),
                Ok(None) => return (read, Ok(())),
                Err(failure) => return (read, Err(failure)),
            }
        }
    }

    #[tokio::test]
    async fn objects_come_one_after_the_other() {
        let (read, end) = read(vec![" {\"a\":1}{} \n", "{\"b\":[{}]}", "\n"], 100).await;
        assert_eq!((read, end), (vec!["{\"a\":1}".into(), "{}".into(), "{\"b\":[{}]}".into()], Ok(())));
    }

    #[tokio::test]
    async fn brackets_in_texts_are_text_however_the_body_is_cut() {
        let text = r#"{"a\"}":"}\\","b":"{"}"#;
        for at in 1..text.len() {
            let (read, end) = read(vec![&text[..at], &text[at..], text], 100).await;
            assert_eq!((read, end), (vec![text.into(), text.into()], Ok(())), "cut at {at}");
        }
    }

    #[tokio::test]
    async fn an_empty_body_has_none() {
        assert_eq!(read(vec![], 100).await, (vec![], Ok(())));
        assert_eq!(read(vec![" \n\t", "\r\n"], 100).await, (vec![], Ok(())));
    }

    #[tokio::test]
    async fn the_end_comes_whatever_was_before_it() {
        let pieces = stream::iter(["{} {", "nope", "[]"].map(Ok::<_, Infallible>));
        let mut texts = JsonTexts::of(Body::from_stream(pieces), 100);
        assert_eq!(texts.next().await, Ok(Some("{}".into())));
        for _ in 0..2 {
            assert_eq!(texts.finish().await, Ok(()));
        }
        assert_eq!(texts.next().await, Ok(None));
        let broken = stream::iter([Ok("{}"), Err(std::io::Error::other("gone"))]);
        let mut texts = JsonTexts::of(Body::from_stream(broken), 100);
        assert_eq!(texts.next().await, Ok(Some("{}".into())));
        assert_eq!(texts.finish().await, Err(Failure::broken_off()));
    }

    #[tokio::test]
    async fn what_is_no_object_is_refused_after_those_before() {
        for rest in ["nope", "[]", "null", "17", "\"x\""] {
            let (read, end) = read(vec!["{}", rest], 100).await;
            let refused = Err(Failure::unreadable("a message is a JSON object"));
            assert_eq!((read, end), (vec!["{}".into()], refused), "{rest}");
        }
        let cut = Err(Failure::unreadable("unexpected EOF"));
        assert_eq!(read(vec!["{\"a\":{}"], 100).await, (vec![], cut));
    }

    #[tokio::test]
    async fn no_more_is_held_than_one_message_may_have() {
        let endless = vec!["{\"a\":\"", "0123456789", "0123456789", "0123456789"];
        assert_eq!(read(endless, 20).await, (vec![], Err(Failure::too_large(26, 20))));
        let (objects, end) = read(vec!["{\"a\":\"0123456789\"}"; 1_000], 20).await;
        assert_eq!((objects.len(), end), (1_000, Ok(())));
    }
}
