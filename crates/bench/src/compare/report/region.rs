//! The part of a page that is replaced by what was measured: all between two markers, each on a line of its own.

use anyhow::{Context as _, ensure};

const BEGIN: &str = "<!-- measured: begin -->\n";
const END: &str = "<!-- measured: end -->";

/// The page with this between its markers.
pub(super) fn replaced(page: &str, measured: &str) -> anyhow::Result<String> {
    for marker in [BEGIN, END] {
        ensure!(page.matches(marker).count() == 1, "{:?} must be there once", marker.trim_end());
    }
    let (before, rest) = page.split_once(BEGIN).context("it is there")?;
    let (_, after) = rest.split_once(END).with_context(|| format!("{END:?} must be the second marker"))?;
    Ok(format!("{before}{BEGIN}{}\n{END}{after}", measured.trim_end()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_between_the_markers_is_replaced() {
        let page = "a\n<!-- measured: begin -->\nnot yet\nmeasured\n<!-- measured: end -->\nz\n";
        let expected = "a\n<!-- measured: begin -->\n1\n2\n<!-- measured: end -->\nz\n";
        assert_eq!(replaced(page, "1\n2\n\n").unwrap(), expected);
        assert_eq!(replaced(expected, "1\n2").unwrap(), expected);
    }

    #[test]
    fn a_page_with_other_markers_is_left_alone() {
        let (begin, end) = ("<!-- measured: begin -->\n", "<!-- measured: end -->\n");
        for page in ["", begin, end, &format!("{end}{begin}"), &format!("{begin}{begin}{end}")] {
            assert!(replaced(page, "1").is_err(), "{page:?}");
        }
    }
}
