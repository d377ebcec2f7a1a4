// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/oci_bundle.h"

#include <nlohmann/json.hpp>

#include "base/file_io.h"
#include "tests/bundles/seccomp_profile.h"
#include "tests/bundles/spec.h"
#include "tests/images/deb.h"
#include "tests/images/packages.h"

namespace ballast::bench {
namespace {

namespace fs = std::filesystem;
using nlohmann::ordered_json;

constexpr const char *kPackage = "golang-github-containers-common";
constexpr const char *kProfile = "usr/share/containers/seccomp.json";

} // namespace

Status write_bundles(const fs::path &directory, const fs::path &place, const fs::path &payload,
                     const std::string &seccomp_profile, bool cgroups) {
    const fs::path root = directory / "rootfs";
    for (const char *mount_point : {"proc", "sys", "dev"}) {
        TRY(make_directories(root / mount_point));
    }
    TRY(write_file(root / "payload", TRY(read_file(payload)), 0755));
    const ordered_json seccomp = TRY(bundles::resolve_profile(seccomp_profile, bundles::default_capabilities()));
    const std::pair<const char *, std::vector<std::string>> programs[] = {{"once", {"/payload"}},
                                                                          {"standing", {"/payload", "sleep"}}};
    for (const auto &[name, arguments] : programs) {
        ordered_json spec = bundles::engine_spec(arguments, seccomp);
        spec["root"]["path"] = place / "rootfs";
        if (!cgroups) {
            spec["linux"].erase("resources");
        }
        TRY(make_directories(directory / name));
        TRY(write_file(directory / name / "config.json", spec.dump()));
    }
    return {};
}

Result<std::string> debian_seccomp_profile(const fs::path &cache) {
    images::PackageCache packages = TRY(images::PackageCache::open(cache / "test-images"));
    const images::PackageName package{kPackage, "amd64"};
    (void)TRY(packages.fetch({package}, false)); // the warning is about mirrors; the package is there
    const auto files = TRY(images::read_deb(TRY(packages.read(package))));
    const auto profile = files.find(kProfile);
    if (profile == files.end()) {
        return fail(ENOENT, std::string(kPackage) + " has no " + kProfile);
    }
    return profile->second.content;
}

} // namespace ballast::bench
