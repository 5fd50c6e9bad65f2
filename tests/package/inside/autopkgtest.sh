#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# autopkgtest.sh: in a Debian of its own, which is the testbed itself (null). Tests that need not be
# root are run as another user.
set -eu
apt-get -qq update
apt-get -qq -y --no-install-recommends install autopkgtest xz-utils
tar -xf wherry-*.tar.xz
useradd --create-home tester
code=0
autopkgtest --user tester --summary-file summary ./*.deb wherry-*/ -- null || code=$?
cat summary
grep -v ' PASS' summary && code=1
echo "words: $(grep -c ' PASS' summary) of $(wc -l <summary) tests passed"
exit "$code"
