//! What is in a kit: the device's own files, configuration for each tool, and what to type.

use super::{Kit, KitFile};

/// Where the files go on the device.
const HOME: &str = "/etc/muster";

pub(super) fn files(kit: &Kit) -> Vec<KitFile> {
    let mut files = Vec::new();
    if let Some(key) = &kit.key_pem {
        files.push(KitFile::secret("device.key", key.clone()));
    }
    if let Some(certificate) = &kit.certificate {
        let mut chain = vec![certificate.clone()];
        chain.extend(kit.chain.iter().cloned());
        files.push(KitFile::public("device.pem", pki::chain_pem(&chain)));
    }
    files.push(KitFile::public("ca.pem", pki::chain_pem(&kit.roots)));
    files.push(KitFile::public("curl.conf", curl(kit)));
    files.push(KitFile::public("swupdate.cfg", swupdate(kit)));
    files.push(KitFile::public("apt-muster.conf", apt(kit)));
    files.push(KitFile::public("muster.sources", sources(kit)));
    files.push(KitFile::public("ostree-remote.conf", ostree(kit)));
    files.push(KitFile::public("renew.sh", renew(kit)));
    if kit.key_pem.is_none() {
        files.push(KitFile::public("enrol.sh", enrol(kit)));
    }
    files.push(KitFile::public("README.txt", readme(kit)));
    files
}

/// The gateway's host, as apt's configuration names it.
fn host(kit: &Kit) -> &str {
    let rest = kit.settings.gateway().trim_start_matches("https://");
    let end = rest.find(['/', ':']).unwrap_or(rest.len());
    rest.get(..end).unwrap_or(rest)
}

fn curl(kit: &Kit) -> String {
    format!(
        "# curl --config {HOME}/curl.conf {}/\n\
         cert = \"{HOME}/device.pem\"\nkey = \"{HOME}/device.key\"\ncacert = \"{HOME}/ca.pem\"\nfail\nsilent\nshow-error\n",
        kit.settings.gateway()
    )
}

fn swupdate(kit: &Kit) -> String {
    format!(
        "// SWUpdate, hawkBit mode (swupdate -f {HOME}/swupdate.cfg -u \"\")\n\
         globals:\n{{\n}};\nsuricatta:\n{{\n    tenant = \"default\";\n    id = \"{}\";\n    url = \"{}\";\n    cafile = \"{HOME}/ca.pem\";\n    \
         sslkey = \"{HOME}/device.key\";\n    sslcert = \"{HOME}/device.pem\";\n    polldelay = 300;\n}};\n\
         // What the device says it is made of; the names are those of its model's rules in the console.\n\
         // identify : ( {{ name = \"hw.wlan0.mac\"; value = \"...\"; }} );\n",
        kit.serial,
        kit.settings.gateway()
    )
}

fn apt(kit: &Kit) -> String {
    let host = host(kit);
    format!(
        "// Copy to /etc/apt/apt.conf.d/80muster. Holds for https://{host} alone.\n\
         Acquire::https::{host}::CaInfo \"{HOME}/ca.pem\";\n\
         Acquire::https::{host}::SslCert \"{HOME}/device.pem\";\n\
         Acquire::https::{host}::SslKey \"{HOME}/device.key\";\n\
         Acquire::https::{host}::Verify-Peer \"true\";\n\
         Acquire::https::{host}::Verify-Host \"true\";\n\
         // The key is its owner's alone, and so out of the reach of apt's own user.\n\
         APT::Sandbox::User \"root\";\n"
    )
}

/// The one source: each device sees there what it is entitled to. The suite and the component are those of the sets.
fn sources(kit: &Kit) -> String {
    format!(
        "# Copy to /etc/apt/sources.list.d/muster.sources. keyring.pgp is that of whoever signs the packages: put it into the\n\
         # image, or fetch it once (curl --config {HOME}/curl.conf -o {HOME}/keyring.pgp {gateway}/apt/keyring.pgp) and\n\
         # compare it. It is never renewed by itself.\n\
         Types: deb\nURIs: {gateway}/apt\nSuites: stable\nComponents: main\nSigned-By: {HOME}/keyring.pgp\n",
        gateway = kit.settings.gateway()
    )
}

fn ostree(kit: &Kit) -> String {
    format!(
        "# Copy to /etc/ostree/remotes.d/muster.conf. Whose commits count: ostree remote gpg-import muster -k KEYRING\n\
         [remote \"muster\"]\nurl={}/ostree\ntls-ca-path={HOME}/ca.pem\ntls-client-cert-path={HOME}/device.pem\n\
         tls-client-key-path={HOME}/device.key\ngpg-verify=true\n",
        kit.settings.gateway()
    )
}

/// What asks for the next certificate: with a new key, by the present certificate.
fn renew(kit: &Kit) -> String {
    include_str!("renew.sh")
        .replace("@HOME@", HOME)
        .replace("@SERIAL@", &kit.serial)
        .replace("@GATEWAY@", kit.settings.gateway())
}

/// How a device whose key never leaves it gets its first certificate: by way of a station.
fn enrol(kit: &Kit) -> String {
    format!(
        "#!/bin/sh\n\
         # 1. On the device: makes the key and a request. With a TPM or secure element make them by its tools; the request\n\
         #    only has to be PKCS#10 with CN={serial}.\n\
         # 2. On a factory station, or wherever its certificate is: sends the request and brings back the certificate.\n\
         set -eu\numask 077\n\
         case \"${{1:-}}\" in\n\
         request)\n  \
         openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out device.key\n  \
         openssl req -new -key device.key -subj '/CN={serial}' -addext 'subjectAltName=DNS:{dns}' -outform DER \\\n    \
         | openssl base64 > device.csr ;;\n\
         send)\n  \
         curl --cert station.pem --key station.key --cacert ca.pem --fail --silent --show-error \\\n    \
         -H 'Content-Type: application/pkcs10' --data-binary @device.csr \\\n    \
         {gateway}/.well-known/est/{batch}/simpleenroll > device.p7\n  \
         openssl base64 -d -in device.p7 | openssl pkcs7 -inform DER -print_certs -out device.pem ;;\n\
         *) echo 'usage: enrol.sh request | send' >&2; exit 2 ;;\n\
         esac\n",
        serial = kit.serial,
        dns = kit.dns_name,
        gateway = kit.settings.gateway(),
        batch = kit.batch
    )
}

fn readme(kit: &Kit) -> String {
    let (serial, gateway) = (&kit.serial, kit.settings.gateway());
    let first = if kit.key_pem.is_some() {
        "device.key           its private key: nobody else may ever read it\n\
         device.pem           its certificate, with what stands above it\n"
    } else {
        "enrol.sh             makes the key in the device and gets its certificate by way of a factory station\n"
    };
    let enrol = if kit.key_pem.is_some() {
        ""
    } else {
        "\nThe key is born in the device. There run `sh enrol.sh request`, carry device.csr to a station, run\n\
         `sh enrol.sh send` there, and carry device.pem back.\n"
    };
    let unset = if kit.settings.gateway_url.is_empty() {
        "\nThe gateway's address is not set yet: replace https://GATEWAY in these files, or set it in the console under\n\
         Settings and make the kit again.\n"
    } else {
        ""
    };
    format!(
        "The kit of device {serial}\n\n\
         {first}\
         ca.pem               the roots by which it knows the gateway\n\
         curl.conf            for curl and scripts\n\
         swupdate.cfg         for SWUpdate\n\
         apt-muster.conf      for apt: how it comes\n\
         muster.sources       for apt: where it asks\n\
         ostree-remote.conf   for OSTree\n\
         renew.sh             renews the certificate with a new key\n\
         {enrol}{unset}\n\
         On the device, as root:\n\n  \
         install -d -m 700 {HOME}\n  \
         install -m 600 device.* ca.pem curl.conf {HOME}/\n  \
         install -m 700 renew.sh {HOME}/\n  \
         curl --config {HOME}/curl.conf {gateway}/\n\n\
         The last one answers with the device's serial. Then copy what you use of the others to where its first lines say.\n\
         Delete this kit everywhere else: whoever has device.key is this device.\n"
    )
}
