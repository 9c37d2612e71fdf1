//! XML: what files mean, what is written, and what is refused where.

use conclave_formats::{FileItem, Format, parse, render};

use crate::support::{bytes, item, items, json, refused, written};

#[test]
fn a_list_of_items_says_what_each_is() {
    let text = "\u{FEFF}<?xml version='1.0' encoding='utf-8'?>
<!-- what the payments read -->
<configuration xml:lang=\"de\">
  <item key='db.pool' content-type='application/json'>8</item>
  <item key=\"motd\">Größe &lt; 3 &#x26; &quot;mehr&quot;<!-- so -->
zwei</item>
  <item key=\"raw\"><![CDATA[<b> & </b>]]></item>
  <item encoding=\"base64\" key=\"logo\">iVBO
    Rw==</item>
  <item key=\"cert\" content-type=\"application/x-pem-file\" encoding=\"base64\">QQ</item>
  <item key=\"any key &gt; at all\"/>
</configuration>
";
    let expected = [
        ("db.pool", "8", "application/json"),
        ("motd", "Größe < 3 & \"mehr\"\nzwei", "text/plain"),
        ("raw", "<b> & </b>", "text/plain"),
        ("logo", "\u{FFFD}PNG", "application/octet-stream"),
        ("cert", "A", "application/x-pem-file"),
        ("any key > at all", "", "text/plain"),
    ];
    assert_eq!(items(text.as_bytes(), Format::Xml), expected.map(item));
}

#[test]
fn nested_elements_are_nested_keys() {
    let text = "<app version='3' xmlns='urn:app' xsi:schemaLocation='x'>
  <db host=\"db-1\"><pool>8</pool><url>postgres://db/shop?a=1&amp;b=2</url></db>
  <server>a</server>
  <server><name>b</name></server>
  <db.old/>
  <blank> </blank>
</app>";
    let expected = [
        ("version", "3"),
        ("db.host", "db-1"),
        ("db.pool", "8"),
        ("db.url", "postgres://db/shop?a=1&b=2"),
        ("server[0]", "a"),
        ("server[1].name", "b"),
        ("[\"db.old\"]", ""),
        ("blank", " "),
    ];
    let typed = |(key, value)| item((key, value, "text/plain"));
    assert_eq!(items(text.as_bytes(), Format::Xml), expected.map(typed));
}

#[test]
fn properties_as_java_writes_them() {
    let text = "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"no\"?>
<!DOCTYPE properties SYSTEM \"http://java.sun.com/dtd/properties.dtd\">
<properties><comment>by hand</comment><entry key=\"a.b\">1</entry><entry key=\"a\">2</entry></properties>";
    let expected = [("a.b", "1", "text/plain"), ("a", "2", "text/plain")];
    assert_eq!(items(text.as_bytes(), Format::Xml), expected.map(item));
}

#[test]
fn an_empty_root_has_no_items() {
    for text in ["<configuration/>", "<configuration>\n</configuration>", "<a xmlns='x'></a>"] {
        assert_eq!(items(text.as_bytes(), Format::Xml), [], "{text}");
    }
}

#[test]
fn items_become_a_list() {
    let items = [
        FileItem::text("motd", "a < b & \"c\"\n\tzwei\r\n"),
        json("db.pool", "8"),
        json("db", "{\"kept\": [1]}"),
        bytes("logo", b"\x89PNG"),
        bytes("text", b"only text"),
        FileItem { content_type: "text/html; charset=utf-8".into(), ..FileItem::text("page", "<p>\u{1}") },
        FileItem::text("", "\u{85}"),
        FileItem::text("a \"quoted\" key", ""),
    ];
    let expected = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>
<configuration>
  <item key=\"\">&#x85;</item>
  <item key=\"a &quot;quoted&quot; key\"></item>
  <item key=\"db\" content-type=\"application/json\">{\"kept\": [1]}</item>
  <item key=\"db.pool\" content-type=\"application/json\">8</item>
  <item key=\"logo\" encoding=\"base64\">iVBORw==</item>
  <item key=\"motd\">a &lt; b &amp; \"c\"\n\tzwei&#xD;\n</item>
  <item key=\"page\" content-type=\"text/html; charset=utf-8\" encoding=\"base64\">PHA+AQ==</item>
  <item key=\"text\" content-type=\"application/octet-stream\">only text</item>
</configuration>
";
    assert_eq!(written(&items, Format::Xml), expected);
    assert_eq!(
        written(&[], Format::Xml),
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<configuration>\n</configuration>\n"
    );
    let mut sorted = items.to_vec();
    sorted.sort();
    assert_eq!(parse(expected.as_bytes(), Format::Xml), Ok(sorted));
}

#[test]
fn mistakes_have_a_place() {
    for (text, place, said) in [
        ("<a>\n <b>1</c></a>", (2, 6), "expected `</b>`"),
        ("<a>\n <b>1", (2, 2), "<b> is not closed"),
        ("<a/>\n<b/>", (2, 1), "a second root element"),
        ("<a/>\n text", (1, 5), "text outside of the root element"),
        ("text", (1, 1), "text outside of the root element"),
        ("", (1, 1), "there is no root element"),
        ("<!-- only -->", (1, 14), "there is no root element"),
        ("<a>\n  text <b/></a>", (1, 4), "<a> holds text beside elements"),
        ("<a><b c='1'>text</b></a>", (1, 13), "<b> holds text beside attributes"),
        ("<a b='1'><b>2</b></a>", (1, 10), "the key \"b\" is set twice"),
        ("<a b='1' b='2'/>", (1, 1), "duplicated attribute"),
        ("<a b=1/>", (1, 1), "<a>: "),
        ("<a b='&x;'/>", (1, 1), "attribute b of <a>: &x; is no reference that is known"),
        ("<a>x &auml; y</a>", (1, 6), "&auml; is no reference that is known"),
        ("<a>x & y</a>", (1, 6), "not closed"),
        ("<a>&#0;</a>", (1, 4), "&#0; is no reference that is known"),
        ("<a>\u{1}</a>", (1, 4), "the character '\\u{1}' has no place in XML"),
        ("<1a/>", (1, 1), "\"1a\" is no name of an element"),
        ("<a>1</a>", (1, 1), "not a single value"),
        (
            "<?xml version='1.0' encoding='latin1'?><a/>",
            (1, 1),
            "the file says that it is latin1; only UTF-8 is read",
        ),
        (
            "<configuration>\n<item key='a'/><item key='a'/></configuration>",
            (2, 16),
            "the key \"a\" is set twice, first in line 2",
        ),
        ("<configuration><item key='a'/><item/></configuration>", (1, 31), "<item> has no key"),
        ("<configuration><item key='a' type='x'/></configuration>", (1, 16), "no attribute \"type\""),
        ("<configuration><item key='a'><b/></item></configuration>", (1, 16), "<item> does not belong here"),
        ("<configuration><item key='a'/><db/></configuration>", (1, 31), "<db> does not belong here"),
        (
            "<configuration><item key='a' encoding='hex'/></configuration>",
            (1, 16),
            "unknown encoding \"hex\"",
        ),
        ("<configuration><item key='a' encoding='base64'>?</item></configuration>", (1, 16), "is not base64"),
    ] {
        let error = parse(text.as_bytes(), Format::Xml).expect_err(text);
        assert_eq!(error.position(), Some(place), "{text:?}: {error}");
        assert!(error.to_string().contains(said), "{text:?}: {error}");
    }
}

#[test]
fn nothing_is_declared_expanded_or_fetched() {
    let laughs = "<!DOCTYPE a [<!ENTITY b \"ha\"><!ENTITY c \"&b;&b;\">]><a>&c;</a>";
    let file = "<!DOCTYPE a [<!ENTITY b SYSTEM \"file:///etc/hostname\">]><a>&b;</a>";
    for text in [laughs, file] {
        assert!(refused(text.as_bytes(), Format::Xml).contains("a document type that declares something"));
    }
    let outside = "<!DOCTYPE a SYSTEM \"file:///etc/hostname\"><a><b>&b;</b></a>";
    assert!(refused(outside.as_bytes(), Format::Xml).contains("&b; is no reference"));
}

#[test]
fn what_xml_cannot_hold_is_named() {
    let error = render(&[FileItem::text("a\u{1}", "x")], Format::Xml).unwrap_err().to_string();
    assert_eq!(error, "item \"a\\u{1}\": xml cannot hold the character '\\u{1}' in a key");
    let twice = [FileItem::text("a", "1"), FileItem::text("a", "2")];
    assert_eq!(render(&twice, Format::Xml).unwrap_err().to_string(), "item \"a\": it is given twice");
}
