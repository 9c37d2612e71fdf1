//! Reading TOML.

use ::toml::Spanned;
use ::toml::de::{DeArray, DeInteger, DeTable, DeValue};

use crate::content::{Leaf, not_finite};
use crate::node::{Entry, Node, NodeCount, Value};
use crate::source::Source;
use crate::{FormatError, number};

/// Reads one document, with the place of everything. Its root is a map.
pub(crate) fn compose(source: &Source<'_>) -> Result<Node, FormatError> {
    let table = DeTable::parse(source.text()).map_err(|error| {
        let at = error.span().map_or(0, |span| span.start);
        source.error(at, error.message())
    })?;
    let mut composer = Composer { source, count: NodeCount::default() };
    let entries = composer.table(table.into_inner(), 0)?;
    Ok(Node { at: 0, value: Value::Map(entries) })
}

struct Composer<'a> {
    source: &'a Source<'a>,
    count: NodeCount,
}

impl Composer<'_> {
    fn node(&mut self, value: Spanned<DeValue<'_>>, depth: usize) -> Result<Node, FormatError> {
        let at = value.span().start;
        let value = value.into_inner();
        let nests = matches!(value, DeValue::Array(_) | DeValue::Table(_));
        self.count.add(self.source, at, 1, depth + usize::from(nests))?;
        let value = match value {
            DeValue::String(text) => Value::Leaf(Leaf::Text(text.into_owned())),
            DeValue::Integer(integer) => Value::Leaf(Leaf::Json(self.integer(at, &integer)?)),
            DeValue::Float(float) => Value::Leaf(self.float(at, float.as_str())?),
            DeValue::Boolean(boolean) => Value::Leaf(Leaf::Json(boolean.to_string())),
            DeValue::Datetime(datetime) => Value::Leaf(Leaf::Datetime(datetime.to_string())),
            DeValue::Array(array) => Value::List(self.array(array, depth)?),
            DeValue::Table(table) => Value::Map(self.table(table, depth)?),
        };
        Ok(Node { at, value })
    }

    fn table(&mut self, table: DeTable<'_>, depth: usize) -> Result<Vec<Entry>, FormatError> {
        let entry = |(key, value): (Spanned<_>, _)| {
            let key = std::borrow::Cow::into_owned(key.into_inner());
            Ok(Entry { key, node: self.node(value, depth + 1)? })
        };
        table.into_iter().map(entry).collect()
    }

    fn array(&mut self, array: DeArray<'_>, depth: usize) -> Result<Vec<Node>, FormatError> {
        array.into_iter().map(|value| self.node(value, depth + 1)).collect()
    }

    fn integer(&self, at: usize, integer: &DeInteger<'_>) -> Result<String, FormatError> {
        let digits = integer.as_str();
        let counted = match integer.radix() {
            10 => number::decimal(digits),
            radix => number::counted(digits, radix),
        };
        counted.ok_or_else(|| self.source.error(at, format!("the integer {integer} has more than 128 bits")))
    }

    fn float(&self, at: usize, text: &str) -> Result<Leaf, FormatError> {
        let finite = || number::decimal(text).map(Leaf::Json);
        let leaf = not_finite(text).map(Leaf::NotFinite).or_else(finite);
        leaf.ok_or_else(|| self.source.error(at, format!("{text} is not a float")))
    }
}
