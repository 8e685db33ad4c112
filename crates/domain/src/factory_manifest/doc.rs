//! The format as people read it: the rules in short, and a template of each kind to start from.

use crate::component::ComponentClass;

/// Slot names without their number, and the class that each means.
pub const SLOT_PREFIXES: &[(&str, ComponentClass)] = &[
    ("cpu", ComponentClass::Cpu),
    ("soc", ComponentClass::Cpu),
    ("se", ComponentClass::SecureElement),
    ("secure_element", ComponentClass::SecureElement),
    ("tpm", ComponentClass::SecureElement),
    ("board", ComponentClass::Board),
    ("mainboard", ComponentClass::Board),
    ("pcb", ComponentClass::Board),
    ("storage", ComponentClass::Storage),
    ("emmc", ComponentClass::Storage),
    ("flash", ComponentClass::Storage),
    ("nvme", ComponentClass::Storage),
    ("ssd", ComponentClass::Storage),
    ("eth", ComponentClass::Ethernet),
    ("wlan", ComponentClass::Wlan),
    ("wifi", ComponentClass::Wlan),
    ("lte", ComponentClass::Lte),
    ("modem", ComponentClass::Lte),
    ("wwan", ComponentClass::Lte),
    ("gnss", ComponentClass::Gnss),
    ("gps", ComponentClass::Gnss),
    ("power", ComponentClass::Power),
    ("psu", ComponentClass::Power),
    ("other", ComponentClass::Other),
];

/// The rules of both formats, in plain text, a rule a line. The columns are [`super::COLUMNS`].
pub const FORMAT_DOC: &str = "\
One row is one device with its components. The text is UTF-8.
CSV: the first line names the columns; comma, semicolon or tab separates them; double quotes enclose a value that \
holds one of these.
JSON Lines: one object a line, with the names of the columns as keys and the components in an array, “components”.
A component's column is named by its slot: cpu, se, board, storage, eth0, wlan0, lte0, gnss, power. The name tells \
the class; where it can't, write slot:class, as in uplink:ethernet.
A component's value is its identifier, or maker|model|identifier. An empty value means that the slot is empty.
Ethernet and WLAN are identified by a MAC address, LTE by an IMEI, anything else by its maker's number.
Times are RFC 3339 (2026-11-02T08:26:00Z) or a date (2026-11-02), not before the year 2000, not in the future.
A column or key whose name starts with x_ is left out; any other unknown name is an error.
A line may be up to 1 MiB long.
The same device and the same components again change nothing.
";

/// A CSV file to start from: a header and two devices.
#[must_use]
pub const fn template_csv() -> &'static str {
    "serial,model,hardware_revision,batch,factory,factory_name,made_at,firmware,quota,cpu,se,board,storage,eth0,wlan0,\
     lte0\n\
     GW2C-2511-04217,GW-200,C,2025-11-A,brno,Brno Works,2025-11-02T08:26:00Z,1.4.2,5000,\
     NXP|i.MX8M Mini|3A1F-77E0-21C4,Microchip|ATECC608B|0123A9F4C2117EEE,MB26B-117204,\
     Kingston|EMMC32G-TX29|7F3A2210,d8:80:39:4e:71:0c,u-blox|MAYA-W1|d8:80:39:4e:71:0d,\
     Quectel|EG25-G|861941050337180\n\
     GW2C-2511-04218,GW-200,C,2025-11-A,brno,,2025-11-02T08:29:00Z,1.4.2,,\
     NXP|i.MX8M Mini|3A1F-77E0-21C9,Microchip|ATECC608B|0123A9F4C2117EF2,MB26B-117205,\
     Kingston|EMMC32G-TX29|7F3A2211,d8:80:39:4e:71:0e,u-blox|MAYA-W1|d8:80:39:4e:71:0f,\
     Quectel|EG25-G|861941050337198\n"
}

/// A JSON Lines file to start from: the first device of [`template_csv`], and one without a modem.
#[must_use]
pub const fn template_jsonl() -> &'static str {
    concat!(
        r#"{"serial":"GW2C-2511-04217","model":"GW-200","hardware_revision":"C","batch":"2025-11-A","factory":"brno","#,
        r#""factory_name":"Brno Works","made_at":"2025-11-02T08:26:00Z","firmware":"1.4.2","quota":5000,"components":["#,
        r#"{"slot":"cpu","maker":"NXP","model":"i.MX8M Mini","identifier":"3A1F-77E0-21C4"},"#,
        r#"{"slot":"se","maker":"Microchip","model":"ATECC608B","identifier":"0123A9F4C2117EEE"},"#,
        r#"{"slot":"board","identifier":"MB26B-117204"},"#,
        r#"{"slot":"storage","maker":"Kingston","model":"EMMC32G-TX29","identifier":"7F3A2210"},"#,
        r#"{"slot":"eth0","identifier":"d8:80:39:4e:71:0c"},"#,
        r#"{"slot":"wlan0","maker":"u-blox","model":"MAYA-W1","identifier":"d8:80:39:4e:71:0d"},"#,
        r#"{"slot":"lte0","class":"lte","maker":"Quectel","model":"EG25-G","identifier":"861941050337180"}]}"#,
        "\n",
        r#"{"serial":"GW2C-2511-04219","model":"GW-200","hardware_revision":"C","batch":"2025-11-A","factory":"brno","#,
        r#""made_at":"2025-11-02","components":["#,
        r#"{"slot":"cpu","maker":"NXP","model":"i.MX8M Mini","identifier":"3A1F-77E0-21D0"},"#,
        r#"{"slot":"uplink","class":"ethernet","identifier":"d8:80:39:4e:71:12"}]}"#,
        "\n",
    )
}
