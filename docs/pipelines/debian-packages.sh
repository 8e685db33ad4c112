#!/bin/sh
# Puts the .deb files of a folder into an apt repository, signs it, and pushes it to Muster as one release. To be called by a
# pipeline's job instead of building a SWUpdate image; MUSTER_URL, MUSTER_TOKEN_FILE and MUSTER_CA are those of gitlab-ci.yml.
#   SIGNING_KEY, SIGNING_CERTIFICATE   the pipeline's key and its code-signing certificate
#   GNUPGHOME                          with the OpenPGP key that devices trust; Muster never has it
# The job needs apt-utils, gnupg, openssl, tar and `muster`.
set -eu
[ $# -eq 2 ] || { echo "usage: debian-packages.sh FOLDER VERSION" >&2; exit 2; }
packages=$1 version=$2
: "${PRODUCT:=gateway-os}" "${MODEL:=GW-200}" "${SUITE:=stable}" "${ARCH:=arm64}"
set=$(mktemp -d)
lists=$set/dists/$SUITE/main/binary-$ARCH

mkdir -p "$set/pool/main" "$lists"
cp "$packages"/*.deb "$set/pool/main/"
(
  cd "$set"
  apt-ftparchive packages pool > "$lists/Packages"
  gzip -kn9 "$lists/Packages"
  release() { echo "APT::FTPArchive::Release::$1=$2"; }
  apt-ftparchive -o "$(release Suite "$SUITE")" -o "$(release Codename "$SUITE")" -o "$(release Version "$version")" \
    -o "$(release Components main)" -o "$(release Architectures "$ARCH")" -o "$(release Acquire-By-Hash yes)" \
    release "dists/$SUITE" > ../Release.$$
  gpg --batch --clearsign -o "dists/$SUITE/InRelease" ../Release.$$
  gpg --batch --export > keyring.pgp
  # Every file, and who answers for them.
  find . -type f -printf '%P\n' | LC_ALL=C sort | xargs -d '\n' sha256sum > ../SHA256SUMS.$$
  mv ../SHA256SUMS.$$ SHA256SUMS
  openssl cms -sign -binary -in SHA256SUMS -out SHA256SUMS.p7s -outform DER -signer "$SIGNING_CERTIFICATE" -inkey "$SIGNING_KEY"
  rm ../Release.$$
)
tar -C "$set" -cf "$PRODUCT-$version.tar" .
rm -rf "$set"
muster release push "$PRODUCT-$version.tar" --product "$PRODUCT" --version "$version" --model "$MODEL"
