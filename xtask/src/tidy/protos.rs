//! Rules for one file of proto/: each service, call, message, field and value has a comment above it.

/// What is wrong with a file.
pub(super) fn check(place: &str, text: &str) -> Vec<String> {
    let mut mistakes = Vec::new();
    let mut commented = false;
    for (number, line) in (1..).zip(text.lines().map(str::trim)) {
        if line.starts_with("//") {
            commented = true;
            continue;
        }
        if needs_comment(line) && !commented {
            mistakes.push(format!("{place}:{number}: `{line}` has no comment above it"));
        }
        commented = false;
    }
    mistakes
}

fn needs_comment(line: &str) -> bool {
    let exempt = ["syntax ", "package ", "import ", "option ", "reserved ", "}"];
    !line.is_empty() && !exempt.iter().any(|start| line.starts_with(start))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str =
        "syntax = \"proto3\";\n\n// Asks.\nmessage Ask {\n  // For whom.\n  string name = 1;\n}\n";

    #[test]
    fn a_commented_file_passes() {
        assert_eq!(check("a.proto", GOOD), Vec::<String>::new());
    }

    #[test]
    fn a_field_a_message_and_a_value_without_comment_are_told() {
        let field = GOOD.replace("  // For whom.\n", "");
        assert_eq!(check("a.proto", &field), ["a.proto:5: `string name = 1;` has no comment above it"]);
        assert_eq!(
            check("a.proto", "message Ask {}"),
            ["a.proto:1: `message Ask {}` has no comment above it"]
        );
        let value = "// Kinds.\nenum Kind {\n  KIND_UNSPECIFIED = 0;\n}";
        assert_eq!(check("a.proto", value).len(), 1);
    }

    #[test]
    fn a_comment_counts_for_the_next_line_only() {
        assert_eq!(check("a.proto", "// Far away.\n\nmessage Ask {}").len(), 1);
    }
}
