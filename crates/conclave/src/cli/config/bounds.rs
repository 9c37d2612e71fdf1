//! How long a namespace's versions are kept and what it may hold: as flags, and as reports tell it.

use conclave_client::config::{Defaults, Quota, Retention};
use serde::Serialize;

/// Flags for retention and quota. What is not given stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq, clap::Args)]
pub(super) struct BoundsArgs {
    /// Keep at least so many of the newest versions; "default": as many as by default
    #[arg(long, value_name = "COUNT", value_parser = count)]
    keep_versions: Option<Setting<u64>>,
    /// Keep all versions of so many days; "default": of as many as by default
    #[arg(long, value_name = "DAYS", value_parser = days)]
    keep_days: Option<Setting<u32>>,
    /// Most items; "none": no bound, "default": as by default
    #[arg(long, value_name = "COUNT", value_parser = bound)]
    max_items: Option<Setting<u64>>,
    /// Most bytes of keys and values, as in 65536 or 64MiB; "none": no bound, "default": as by default
    #[arg(long, value_name = "SIZE", value_parser = size)]
    max_bytes: Option<Setting<u64>>,
    /// Most versions a minute; "none": no bound, "default": as by default
    #[arg(long, value_name = "COUNT", value_parser = rate)]
    max_versions_per_minute: Option<Setting<u32>>,
}

/// What a flag sets. None: back to the default.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Setting<T>(Option<T>);

impl BoundsArgs {
    /// Whether nothing is said.
    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The retention after the change. None: nothing is said of it.
    pub(super) fn retention(&self, now: Option<Retention>) -> Option<Retention> {
        (self.keep_versions.is_some() || self.keep_days.is_some()).then(|| {
            let mut retention = now.unwrap_or_default();
            change(&mut retention.versions, self.keep_versions);
            change(&mut retention.days, self.keep_days);
            retention
        })
    }

    /// The quota after the change. None: nothing is said of it.
    pub(super) fn quota(&self, now: Option<Quota>) -> Option<Quota> {
        let said =
            self.max_items.is_some() || self.max_bytes.is_some() || self.max_versions_per_minute.is_some();
        said.then(|| {
            let mut quota = now.unwrap_or_default();
            change(&mut quota.items_max, self.max_items);
            change(&mut quota.size_bytes_max, self.max_bytes);
            change(&mut quota.versions_per_minute_max, self.max_versions_per_minute);
            quota
        })
    }
}

fn change<T>(value: &mut Option<T>, setting: Option<Setting<T>>) {
    if let Some(Setting(new)) = setting {
        *value = new;
    }
}

fn count(text: &str) -> Result<Setting<u64>, String> {
    let number = |text: &str| match text.parse() {
        Ok(0) => Err("at least 1 is kept".into()),
        Ok(number) => Ok(number),
        Err(_) => Err("a number or \"default\" is wanted".into()),
    };
    setting(text, number)
}

fn days(text: &str) -> Result<Setting<u32>, String> {
    setting(text, |text| text.parse().map_err(|_| "a number or \"default\" is wanted".into()))
}

fn bound(text: &str) -> Result<Setting<u64>, String> {
    setting(text, |text| bounded(text, |text| text.parse().ok()))
}

fn size(text: &str) -> Result<Setting<u64>, String> {
    setting(text, |text| bounded(text, size_bytes))
}

fn rate(text: &str) -> Result<Setting<u32>, String> {
    setting(text, |text| bounded(text, |text| text.parse().ok()))
}

fn setting<T>(text: &str, read: impl Fn(&str) -> Result<T, String>) -> Result<Setting<T>, String> {
    if text == "default" { Ok(Setting(None)) } else { read(text).map(|value| Setting(Some(value))) }
}

/// A bound; the wire's 0 is "none" here, so that nobody forbids everything by chance.
fn bounded<T: Default + PartialEq>(text: &str, read: impl Fn(&str) -> Option<T>) -> Result<T, String> {
    match text {
        "none" => Ok(T::default()),
        text => read(text)
            .filter(|number| *number != T::default())
            .ok_or_else(|| "a number from 1, \"none\" or \"default\" is wanted".into()),
    }
}

fn size_bytes(text: &str) -> Option<u64> {
    let units = [("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30)];
    let (digits, unit) =
        units.iter().find_map(|(name, size)| Some((text.strip_suffix(name)?, *size))).unwrap_or((text, 1));
    digits.parse::<u64>().ok()?.checked_mul(unit)
}

/// Retention and quota, as programs get them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub(super) struct BoundsView {
    pub(super) keep_versions: Option<u64>,
    pub(super) keep_days: Option<u32>,
    pub(super) max_items: Option<u64>,
    pub(super) max_bytes: Option<u64>,
    pub(super) max_versions_per_minute: Option<u32>,
}

impl BoundsView {
    /// As a namespace says, or the defaults. None: it says nothing; 0: no bound.
    pub(super) fn said(retention: Option<Retention>, quota: Option<Quota>) -> Self {
        let (retention, quota) = (retention.unwrap_or_default(), quota.unwrap_or_default());
        Self {
            keep_versions: retention.versions,
            keep_days: retention.days,
            max_items: quota.items_max,
            max_bytes: quota.size_bytes_max,
            max_versions_per_minute: quota.versions_per_minute_max,
        }
    }

    /// As the defaults say.
    pub(super) fn of_defaults(defaults: &Defaults) -> Self {
        Self::said(defaults.retention, defaults.quota)
    }

    /// What holds where this is said and the rest follows `defaults`. None: no bound.
    pub(super) fn or(self, defaults: Self) -> Self {
        Self {
            keep_versions: self.keep_versions.or(defaults.keep_versions),
            keep_days: self.keep_days.or(defaults.keep_days),
            max_items: self.max_items.or(defaults.max_items).filter(|bound| *bound != 0),
            max_bytes: self.max_bytes.or(defaults.max_bytes).filter(|bound| *bound != 0),
            max_versions_per_minute: self
                .max_versions_per_minute
                .or(defaults.max_versions_per_minute)
                .filter(|bound| *bound != 0),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::{Args as _, FromArgMatches as _};

    use super::*;

    fn parse(args: &[&str]) -> Result<BoundsArgs, clap::Error> {
        let command = BoundsArgs::augment_args(clap::Command::new("update"));
        let matches = command.try_get_matches_from([&["update"], args].concat())?;
        BoundsArgs::from_arg_matches(&matches)
    }

    #[test]
    fn what_is_said_changes_and_the_rest_stays() {
        let args =
            parse(&["--keep-versions", "50", "--max-bytes", "64MiB", "--max-items", "none"]).expect("right");
        let now = Retention { versions: None, days: Some(7) };
        assert_eq!(args.retention(Some(now)), Some(Retention { versions: Some(50), days: Some(7) }));
        let quota = args.quota(Some(Quota { versions_per_minute_max: Some(3), ..Quota::default() }));
        let expected =
            Quota { items_max: Some(0), size_bytes_max: Some(64 << 20), versions_per_minute_max: Some(3) };
        assert_eq!(quota, Some(expected));

        let back = parse(&["--keep-days", "default"]).expect("right");
        assert_eq!(back.retention(Some(now)), Some(Retention::default()));
        assert_eq!((back.quota(None), back.is_empty()), (None, false));
        assert!(parse(&[]).expect("right").is_empty());
    }

    #[test]
    fn nobody_forbids_everything_by_chance() {
        for wrong in [
            ["--keep-versions", "0"],
            ["--keep-versions", "none"],
            ["--keep-days", "-1"],
            ["--max-items", "0"],
            ["--max-bytes", "0"],
            ["--max-bytes", "1MB"],
            ["--max-bytes", "99999999999GiB"],
            ["--max-versions-per-minute", "4294967296"],
        ] {
            parse(&wrong).expect_err(wrong[1]);
        }
        assert_eq!(size_bytes("3KiB"), Some(3072));
    }

    #[test]
    fn what_a_namespace_does_not_say_follows_the_defaults() {
        let defaults = BoundsView { keep_versions: Some(1_000), max_items: Some(5), ..BoundsView::default() };
        let own = BoundsView { max_items: Some(0), max_bytes: Some(9), ..BoundsView::default() };
        let expected = BoundsView { keep_versions: Some(1_000), max_bytes: Some(9), ..BoundsView::default() };
        assert_eq!(own.or(defaults), expected);
    }
}
