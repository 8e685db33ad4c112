#![expect(clippy::unwrap_used, reason = "a test may fail")]

use super::*;
use ComponentClass as C;
use proptest::prelude::*;

fn key(class: C, text: &str) -> String {
    normalise(class, text).unwrap().key
}

#[test]
fn a_mac_is_one_however_written() {
    for text in ["d8:80:39:4e:71:0c", "D8-80-39-4E-71-0C", "d880.394e.710c", " D880394E710C "] {
        let found = normalise(C::Ethernet, text).unwrap();
        assert_eq!(found.shown, "d8:80:39:4e:71:0c");
        assert_eq!(found.key, "mac:d8:80:39:4e:71:0c");
        assert_eq!(key(C::Wlan, text), found.key, "interfaces share one space of addresses");
    }
    let mac = Mac::parse("d8:80:39:4e:71:0c").unwrap();
    assert_eq!(mac.oui(), [0xd8, 0x80, 0x39]);
    assert!(!mac.is_local());
    assert!(Mac::parse("02:00:00:00:00:01").unwrap().is_local());
}

#[test]
fn macs_that_belong_to_no_interface() {
    let wrong = |text| normalise(C::Wlan, text).unwrap_err();
    assert_eq!(wrong(""), IdentifierError::Empty);
    assert_eq!(wrong("00:00:00:00:00:00"), IdentifierError::ZeroMac);
    assert_eq!(wrong("ff-ff-ff-ff-ff-ff"), IdentifierError::BroadcastMac);
    assert!(matches!(wrong("01:00:5e:00:00:fb"), IdentifierError::MulticastMac(_)));
    for text in
        ["d8:80:39:4e:71", "d8:80:39-4e-71-0c", "d88.0394.e710c", "d8:80:39:4e:71:0g", "d8803:94e71:0c:::", "ééé"]
    {
        assert_eq!(wrong(text), IdentifierError::NotMac(text.into()));
    }
}

#[test]
fn an_imei_is_one_however_written() {
    for text in ["861941050337180", "86 194105 033718 0", "86-194105-033718-0", " 86194105/033718/0 "] {
        let found = normalise(C::Lte, text).unwrap();
        assert_eq!(found.shown, "86 194105 033718 0");
        assert_eq!(found.key, "imei:861941050337180");
    }
    assert_eq!(Imei::parse("490154203237518").unwrap().tac(), "49015420");
    assert_eq!(imei_with_check_digit(&[4, 9, 0, 1, 5, 4, 2, 0, 3, 2, 3, 7, 5, 1]).unwrap().digits(), "490154203237518");
}

#[test]
fn imeis_that_are_none() {
    let wrong = |text| normalise(C::Lte, text).unwrap_err();
    assert_eq!(wrong("861941050337181"), IdentifierError::CheckDigit { expected: 0, found: 1 });
    assert_eq!(wrong("86194105033718"), IdentifierError::NoCheckDigit(0));
    assert!(wrong("8619410503371801").to_string().ends_with("86 194105 033718 0"));
    assert_eq!(wrong("000000000000000"), IdentifierError::ZeroImei);
    assert_eq!(wrong("86194105033718O"), IdentifierError::NotImei("86194105033718O".into()));
    assert_eq!(wrong("٨٦١٩٤١٠٥٠٣٣٧١٨٠"), IdentifierError::NotImei("٨٦١٩٤١٠٥٠٣٣٧١٨٠".into()));
    assert!(imei_with_check_digit(&[10; 14]).is_err());
}

#[test]
fn serials_compare_without_case_and_spaces() {
    assert_eq!(key(C::Board, " mb26b-117204 "), "sn:board:MB26B-117204");
    assert_eq!(key(C::Cpu, "4e1d 0d72 8a03 c6f1"), key(C::Cpu, "4E1D0D728A03C6F1"));
    assert_ne!(key(C::Cpu, "1"), key(C::Storage, "1"));
    assert_eq!(normalise(C::Board, " mb26b ").unwrap().shown, "mb26b");
}

#[test]
fn serials_that_are_refused() {
    let wrong = |text: &str| normalise(C::Other, text).unwrap_err();
    assert_eq!(wrong(" \t"), IdentifierError::Empty);
    assert_eq!(wrong(&"x".repeat(65)), IdentifierError::TooLong(65));
    assert!(normalise(C::Other, &"é".repeat(64)).is_ok());
    assert_eq!(wrong("ab\0c"), IdentifierError::Invisible(0, 3));
    assert_eq!(wrong("ab\u{200b}c").to_string().matches("U+200B").count(), 1);
}

#[test]
fn a_text_without_class_may_be_several_things() {
    assert!(lookup_keys("d880394e710c").contains(&"mac:d8:80:39:4e:71:0c".to_owned()));
    assert!(lookup_keys("d880394e710c").contains(&"sn:cpu:D880394E710C".to_owned()));
    assert!(lookup_keys("861941050337180").contains(&"imei:861941050337180".to_owned()));
    assert_eq!(lookup_keys("\0"), Vec::<String>::new());
}

proptest! {
    #[test]
    fn any_mac_reads_back(bytes in any::<[u8; 6]>(), upper in any::<bool>(), style in 0..4_usize) {
        let hex = hex::encode(bytes);
        let groups = |size: usize, by: &str| {
            hex.as_bytes().chunks(size).map(|c| String::from_utf8_lossy(c)).collect::<Vec<_>>().join(by)
        };
        let text = [groups(2, ":"), groups(2, "-"), groups(4, "."), hex.clone()][style].clone();
        let text = if upper { text.to_uppercase() } else { text };
        match (Mac::parse(&text), Mac::new(bytes)) {
            (Ok(read), Ok(made)) => {
                prop_assert_eq!(read, made);
                prop_assert_eq!(Mac::parse(&read.to_string()), Ok(made));
            }
            (read, made) => prop_assert_eq!(read, made),
        }
    }

    #[test]
    fn every_single_wrong_digit_of_an_imei_shows(body in prop::array::uniform14(0..10_u8), at in 0..15_usize, by in 1..10_u32) {
        prop_assume!(body != [0; 14]);
        let imei = imei_with_check_digit(&body).unwrap();
        prop_assert_eq!(Imei::parse(&imei.to_string()), Ok(imei));
        let wrong: String = imei.digits().chars().enumerate()
            .map(|(i, c)| if i == at { char::from_digit((c.to_digit(10).unwrap() + by) % 10, 10).unwrap() } else { c })
            .collect();
        prop_assert!(Imei::parse(&wrong).is_err());
    }

    #[test]
    fn what_is_shown_leads_to_the_same_key(text in "\\PC{0,70}", at in 0..C::ALL.len()) {
        if let Ok(found) = normalise(C::ALL[at], &text) {
            prop_assert_eq!(normalise(C::ALL[at], &found.shown), Ok(found.clone()));
            prop_assert!(lookup_keys(&text).contains(&found.key));
            prop_assert!(!found.key.contains(char::is_control));
        }
    }

    #[test]
    fn any_text_is_taken_or_refused(text in any::<String>()) {
        for class in C::ALL {
            let _ = normalise(*class, &text).map_err(|error| error.to_string());
        }
    }
}
