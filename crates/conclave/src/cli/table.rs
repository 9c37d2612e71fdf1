//! Tables for people: columns under headings, without lines, never wrapped.

use comfy_table::{Attribute, Cell, CellAlignment, ContentArrangement, Table, presets};

use super::colour::Paint;

/// Makes the text of a table; each line ends with a line break.
pub(super) struct Columns {
    table: Table,
    paint: Paint,
}

impl Columns {
    /// Columns of these names; a name that begins with `>` is of a column of numbers, set to the right.
    pub(super) fn new(names: &[&str], paint: Paint) -> Self {
        let mut table = Table::new();
        table.load_preset(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
        // Whether there is colour was decided before, and not by what this crate thinks of the terminal.
        if paint.is_on() {
            table.enforce_styling()
        } else {
            table.force_no_tty()
        };
        let heading = |name: &&str| Cell::new(name.trim_start_matches('>')).add_attribute(Attribute::Bold);
        table.set_header(names.iter().map(heading));
        for (column, name) in table.column_iter_mut().zip(names) {
            column.set_padding((0, 2));
            if name.starts_with('>') {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        Self { table, paint }
    }

    /// Adds a line.
    pub(super) fn row<C: Into<Cell>>(&mut self, cells: impl IntoIterator<Item = C>) {
        self.table.add_row(cells);
    }

    /// The text, with nothing after the last character of a line.
    pub(super) fn into_text(self) -> String {
        let text = self.table.to_string();
        let plain = !self.paint.is_on();
        text.lines()
            .map(|line| if plain { line.trim_end() } else { line })
            .fold(String::new(), |text, line| text + line + "\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(paint: Paint) -> String {
        let mut columns = Columns::new(&["NAME", ">SIZE", "NOTE"], paint);
        columns.row(["a", "1", "first"]);
        columns.row(["long/name", "1000", ""]);
        columns.into_text()
    }

    #[test]
    fn columns_line_up_and_nothing_trails() {
        let expected = "\
NAME       SIZE  NOTE
a             1  first
long/name  1000
";
        assert_eq!(table(Paint::PLAIN), expected);
    }

    #[test]
    fn headings_are_bold_with_colour() {
        assert!(table(Paint::FULL).starts_with("\u{1b}[1mNAME"));
    }
}
