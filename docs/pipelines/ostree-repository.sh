#!/bin/sh
# Commits a tree of files to an OSTree repository, signs it, and pushes it to Muster as one release. To be called by a pipeline's
# job instead of building a SWUpdate image; MUSTER_URL, MUSTER_TOKEN_FILE and MUSTER_CA are those of gitlab-ci.yml.
#   SIGNING_KEY, SIGNING_CERTIFICATE   the pipeline's key and its code-signing certificate
#   GPG_KEY                            the OpenPGP key that devices trust (in GNUPGHOME); Muster never has it
# The job needs ostree, gnupg, openssl, tar and `muster`.
set -eu
[ $# -eq 2 ] || { echo "usage: ostree-repository.sh FOLDER VERSION" >&2; exit 2; }
tree=$1 version=$2
: "${PRODUCT:=gateway-os}" "${MODEL:=GW-200}" "${REF:=gw/stable}"
set=$(mktemp -d)

ostree --repo="$set/repo" init --mode=archive
ostree --repo="$set/repo" commit -b "$REF" -s "$PRODUCT $version" --add-metadata-string=version="$version" \
  --owner-uid=0 --owner-gid=0 --gpg-sign="$GPG_KEY" ${GNUPGHOME:+--gpg-homedir="$GNUPGHOME"} "$tree"
(
  cd "$set"
  # Every file, and who answers for them.
  find . -type f -printf '%P\n' | LC_ALL=C sort | xargs -d '\n' sha256sum > "../SHA256SUMS.$$"
  mv "../SHA256SUMS.$$" SHA256SUMS
  openssl cms -sign -binary -in SHA256SUMS -out SHA256SUMS.p7s -outform DER -signer "$SIGNING_CERTIFICATE" -inkey "$SIGNING_KEY"
)
tar -C "$set" --format=pax -cf "$PRODUCT-$version.tar" .
rm -rf "$set"
muster release push "$PRODUCT-$version.tar" --product "$PRODUCT" --version "$version" --model "$MODEL"
