// SPDX-License-Identifier: Apache-2.0
// `features`, `spec` and the version.
#include <fcntl.h>
#include <unistd.h>

#include "base/file_io.h"
#include "runtime/isolate/mount_options.h"
#include "runtime/isolate/seccomp.h"
#include "runtime/isolate/seccomp_compile.h"
#include "runtime/oci/features.h"
#include "runtime/oci/options.h"
#include "runtime/oci/spec_template.h"
#include "runtime/oci/verbs.h"
#include "runtime/oci/version.h"

namespace ballast::oci {
namespace {

std::string seccomp_version() {
    const std::uint32_t version = isolate::libseccomp_version();
    return std::to_string(version >> 16U) + "." + std::to_string((version >> 8U) & 0xffU) + "." +
           std::to_string(version & 0xffU);
}

} // namespace

std::string version_text() {
    return std::string("ballast-oci version " BALLAST_VERSION "\nspec: ") + kSpecVersion +
           "\nlibseccomp: " + seccomp_version() + "\n+SYSTEMD +SELINUX +APPARMOR +CAP +SECCOMP +EBPF\n";
}

Result<int> verb_features(const Settings & /*settings*/, const Arguments &arguments) {
    const Parsed parsed = TRY(parse_options(arguments, {}));
    if (parsed.help) {
        TRY(print("usage: ballast-oci features\n"));
        return 0;
    }
    TRY(print(features_json({.mount_options = isolate::known_mount_options(),
                             .supported_seccomp_flags = isolate::supported_seccomp_flags(),
                             .annotations = {{"org.ballast.version", BALLAST_VERSION},
                                             {"io.github.seccomp.libseccomp.version", seccomp_version()}},
                             .potentially_unsafe_annotations = {"org.systemd.property."}})));
    return 0;
}

Result<int> verb_spec(const Settings & /*settings*/, const Arguments &arguments) {
    std::string bundle = ".";
    bool rootless = false;
    const std::vector<Option> options{{"bundle", 'b', "DIR", "where to write config.json", store(bundle)},
                                      {"rootless", 0, nullptr, "one that needs no privileges", store(rootless)}};
    const Parsed parsed = TRY(parse_options(arguments, options));
    if (parsed.help) {
        TRY(print("usage: ballast-oci spec [OPTION...]\n" + options_text(options)));
        return 0;
    }
    std::optional<RootlessUser> user;
    if (rootless) {
        user = RootlessUser{geteuid(), getegid()};
    }
    const std::string file = bundle + "/config.json";
    // O_EXCL: somebody's own file is not replaced.
    const Fd out = TRY(open_file(file, O_WRONLY | O_CREAT | O_EXCL, 0666));
    TRY(write_all(out, spec_template(user)));
    return 0;
}

} // namespace ballast::oci
