//! A document as a tree of elements, with the place of everything.

use quick_xml::Reader;
use quick_xml::events::{BytesDecl, BytesStart, Event};

use super::characters::{foreign, read_attribute, referred};
use crate::FormatError;
use crate::node::NodeCount;
use crate::source::Source;

/// One element.
pub(super) struct Element {
    /// Byte offset of its start tag.
    pub(super) at: usize,
    pub(super) name: String,
    /// In the order of the file; names are unique.
    pub(super) attributes: Vec<(String, String)>,
    pub(super) children: Vec<Element>,
    /// All text directly in it.
    pub(super) text: String,
    /// Where the first text stands that is not blank.
    pub(super) text_at: Option<usize>,
}

impl Element {
    /// The value of an attribute.
    pub(super) fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// Reads the one root element of a document.
pub(super) fn read(source: &Source<'_>) -> Result<Element, FormatError> {
    let mut reader = Reader::from_str(source.text());
    let mut builder = Builder { source, count: NodeCount::default(), open: Vec::new(), root: None };
    loop {
        let at = offset(reader.buffer_position());
        match reader.read_event() {
            Ok(Event::Eof) => return builder.finish(at),
            Ok(event) => builder.take(at, event)?,
            Err(wrong) => return Err(source.error(offset(reader.error_position()), wrong.to_string())),
        }
    }
}

fn offset(position: u64) -> usize {
    usize::try_from(position).unwrap_or(usize::MAX)
}

struct Builder<'a> {
    source: &'a Source<'a>,
    count: NodeCount,
    /// From the root to where we are.
    open: Vec<Element>,
    root: Option<Element>,
}

impl Builder<'_> {
    fn take(&mut self, at: usize, event: Event<'_>) -> Result<(), FormatError> {
        match event {
            Event::Start(tag) => {
                let element = self.element(at, &tag)?;
                self.open.push(element);
                Ok(())
            }
            Event::Empty(tag) => {
                let element = self.element(at, &tag)?;
                self.close(element)
            }
            // The reader refuses an end without a start, and one of another name.
            Event::End(_) => self.open.pop().map_or(Ok(()), |element| self.close(element)),
            Event::Text(text) => self.text(at, &text),
            Event::CData(text) => self.text(at, &text),
            Event::GeneralRef(name) => {
                let character = referred(&name).map_err(|wrong| self.source.error(at, wrong))?;
                self.push(at, character.encode_utf8(&mut [0; 4]), true)
            }
            Event::Decl(declaration) => self.declaration(at, &declaration),
            Event::DocType(text) if text.contains('[') => {
                Err(self.source.error(at, "a document type that declares something is not read"))
            }
            Event::DocType(_) | Event::Comment(_) | Event::PI(_) | Event::Eof => Ok(()),
        }
    }

    fn declaration(&self, at: usize, declaration: &BytesDecl<'_>) -> Result<(), FormatError> {
        let encoding = match declaration.encoding() {
            None => return Ok(()),
            Some(encoding) => encoding.map_err(|wrong| self.source.error(at, wrong.to_string()))?,
        };
        if ["utf-8", "us-ascii"].contains(&encoding.to_ascii_lowercase().as_str()) {
            return Ok(());
        }
        Err(self.source.error(at, format!("the file says that it is {encoding}; only UTF-8 is read")))
    }

    fn element(&mut self, at: usize, tag: &BytesStart<'_>) -> Result<Element, FormatError> {
        if self.root.is_some() {
            return Err(self.source.error(at, "a second root element: a document has one"));
        }
        let name = self.name(at, tag.name().as_ref())?;
        let mut attributes = Vec::new();
        for attribute in tag.attributes() {
            let attribute = attribute.map_err(|wrong| self.source.error(at, format!("<{name}>: {wrong}")))?;
            let key = self.name(at, attribute.key.as_ref())?;
            let value = read_attribute(&attribute.value)
                .map_err(|wrong| self.source.error(at, format!("attribute {key} of <{name}>: {wrong}")))?;
            self.check(at, &value)?;
            attributes.push((key, value));
        }
        self.count.add(self.source, at, 1 + attributes.len(), self.open.len())?;
        Ok(Element { at, name, attributes, children: Vec::new(), text: String::new(), text_at: None })
    }

    fn name(&self, at: usize, name: &str) -> Result<String, FormatError> {
        let begins = |c: char| c.is_alphabetic() || matches!(c, '_' | ':');
        let goes_on = |c: char| c.is_alphanumeric() || matches!(c, '_' | ':' | '-' | '.');
        if name.starts_with(begins) && name.chars().all(goes_on) {
            return Ok(name.to_owned());
        }
        Err(self.source.error(at, format!("{name:?} is no name of an element or attribute")))
    }

    fn text(&mut self, at: usize, text: &str) -> Result<(), FormatError> {
        self.check(at, text)?;
        let is_said = text.chars().any(|character| !is_blank(character));
        self.push(at, &text.replace('\r', "\n"), is_said)
    }

    fn push(&mut self, at: usize, text: &str, is_said: bool) -> Result<(), FormatError> {
        let Some(element) = self.open.last_mut() else {
            let outside = || self.source.error(at, "text outside of the root element");
            return if is_said { Err(outside()) } else { Ok(()) };
        };
        element.text.push_str(text);
        if is_said && element.text_at.is_none() {
            element.text_at = Some(at);
        }
        Ok(())
    }

    fn check(&self, at: usize, text: &str) -> Result<(), FormatError> {
        let Some((_, character)) = foreign(text) else { return Ok(()) };
        Err(self.source.error(at, format!("the character {character:?} has no place in XML")))
    }

    /// An element is complete: it goes to the one around it.
    fn close(&mut self, element: Element) -> Result<(), FormatError> {
        if let Some(at) = element.text_at.filter(|_| !element.children.is_empty()) {
            let message =
                format!("<{}> holds text beside elements: give the text its own element", element.name);
            return Err(self.source.error(at, message));
        }
        match self.open.last_mut() {
            Some(parent) => parent.children.push(element),
            None => self.root = Some(element),
        }
        Ok(())
    }

    fn finish(mut self, at: usize) -> Result<Element, FormatError> {
        if let Some(element) = self.open.pop() {
            return Err(self.source.error(element.at, format!("<{}> is not closed", element.name)));
        }
        self.root.ok_or_else(|| self.source.error(at, "there is no root element"))
    }
}

fn is_blank(character: char) -> bool {
    matches!(character, ' ' | '\t' | '\n' | '\r')
}
