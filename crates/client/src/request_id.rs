//! Request ids: what makes the retry of a write safe.

use conclave_proto::config::v1::Authorship;

/// Makes a request id that nobody else makes: a random (version 4) UUID.
pub fn new_request_id() -> String {
    format_uuid(rand::random())
}

/// Gives a write an id, unless its caller chose one, and tells it.
pub(crate) fn ensure(authorship: &mut Option<Authorship>) -> String {
    let authorship = authorship.get_or_insert_default();
    if authorship.request_id.is_empty() {
        authorship.request_id = new_request_id();
    }
    authorship.request_id.clone()
}

/// Writes 128 random bits as a UUID; six of them give way to the version and the variant.
fn format_uuid(bits: u128) -> String {
    let marked = (bits & !(0xf << 76) & !(0b11 << 62)) | (4 << 76) | (0b10 << 62);
    let digits = format!("{marked:032x}");
    format!("{}-{}-{}-{}-{}", &digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uuids_carry_version_and_variant() {
        assert_eq!(format_uuid(0), "00000000-0000-4000-8000-000000000000");
        assert_eq!(format_uuid(u128::MAX), "ffffffff-ffff-4fff-bfff-ffffffffffff");
        assert_ne!(new_request_id(), new_request_id());
    }

    #[test]
    fn a_chosen_id_is_kept_and_a_missing_one_is_made() {
        let mut chosen = Some(Authorship { request_id: "mine".into(), ..Default::default() });
        assert_eq!(ensure(&mut chosen), "mine");

        let mut missing = None;
        let made = ensure(&mut missing);
        assert_eq!(missing.map(|authorship| authorship.request_id), Some(made));
    }
}
