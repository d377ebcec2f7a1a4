// SPDX-License-Identifier: Apache-2.0
#include "tests/integration/image/mirror.h"

#include "base/digest.h"
#include "base/file_io.h"
#include "base/subprocess.h"

namespace ballast::image_tests {

std::string Mirror::add(const std::string &name, const std::string &version, bool essential) const {
    const std::filesystem::path tree = directory() / "tree" / name;
    // As Debian names its files: without the epoch.
    const std::filesystem::path file =
        directory() / (name + "_" + version.substr(version.find(':') + 1) + "_amd64.deb");
    must(make_directories(tree / "DEBIAN"));
    must(write_file(tree / "DEBIAN/control", "Package: " + name + "\nVersion: " + version +
                                                 "\nArchitecture: amd64\nMaintainer: Nobody <nobody@localhost>\n" +
                                                 (essential ? "Essential: yes\n" : "") + "Description: for a test\n"));
    (void)must(run_checked({.arguments = {"dpkg-deb", "--root-owner-group", "--build", tree.string(), file.string()}}));
    return name + " " + version + " amd64 " + must(sha256_file(file)) + "\n";
}

void Mirror::publish() const {
    must(write_file(directory() / "Packages",
                    must(run_checked({.arguments = {"apt-ftparchive", "packages", "."}, .directory = directory()}))));
    must(write_file(directory() / "Release",
                    must(run_checked({.arguments = {"apt-ftparchive", "-o", "APT::FTPArchive::Release::Codename=trixie",
                                                    "release", "."},
                                      .directory = directory()}))));
}

} // namespace ballast::image_tests
