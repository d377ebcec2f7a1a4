// SPDX-License-Identifier: Apache-2.0
#include "runtime/oci/spec_template.h"

#include <algorithm>

#include "runtime/oci/features.h"
#include "tests/unit/runtime/oci/config.h"

using namespace ballast;
using namespace ballast::oci;

namespace {

bool has(const Spec &spec, NamespaceType type) {
    return std::ranges::contains(spec.linux_.namespaces, type, &Namespace::type);
}

} // namespace

TEST_CASE("the template is a config.json that the reader takes without a word", "[spec-template]") {
    Spec spec = must(parse_spec(spec_template(std::nullopt), "t"));
    REQUIRE(spec.warnings.empty());
    REQUIRE(spec.process->terminal);
    REQUIRE(spec.process->no_new_privileges);
    REQUIRE(spec.root.read_only);
    REQUIRE(has(spec, NamespaceType::kNetwork));
    REQUIRE_FALSE(has(spec, NamespaceType::kUser));
    REQUIRE(spec.linux_.resources.devices.size() == 1);
    REQUIRE_FALSE(spec.linux_.resources.devices[0].allow);
    REQUIRE(spec_template(std::nullopt).ends_with("}\n"));
}

TEST_CASE("the rootless template needs no privileges", "[spec-template]") {
    Spec spec = must(parse_spec(spec_template(RootlessUser{1000, 1001}), "t"));
    REQUIRE(has(spec, NamespaceType::kUser));
    REQUIRE_FALSE(has(spec, NamespaceType::kNetwork));
    REQUIRE(spec.linux_.uid_mappings[0].host_id == 1000);
    REQUIRE(spec.linux_.gid_mappings[0].host_id == 1001);
    REQUIRE(spec.linux_.resources.devices.empty());
    for (const Mount &mount : spec.mounts) {
        REQUIRE(std::ranges::none_of(mount.options, [](const std::string &option) {
            return option.starts_with("gid=") || option.starts_with("uid=");
        }));
        REQUIRE((mount.destination != "/sys" || mount.source == "/sys"));
    }
}

TEST_CASE("features tell what the reader takes", "[features]") {
    FeatureLists lists{.mount_options = {"rw", "bind"},
                       .supported_seccomp_flags = {"SECCOMP_FILTER_FLAG_LOG"},
                       .annotations = {{"io.github.seccomp.libseccomp.version", "2.6.0"}},
                       .potentially_unsafe_annotations = {"org.systemd.property."}};
    auto features = nlohmann::json::parse(features_json(lists));
    REQUIRE(features["ociVersionMin"] == "1.0.0");
    REQUIRE(features["ociVersionMax"] == "1.3.0");
    REQUIRE(features["hooks"].size() == 6);
    REQUIRE(features["mountOptions"] == nlohmann::json{"bind", "rw"});
    REQUIRE(features["annotations"]["io.github.seccomp.libseccomp.version"] == "2.6.0");
    REQUIRE(features["potentiallyUnsafeConfigAnnotations"] == nlohmann::json{"org.systemd.property."});
    const auto &linux_part = features["linux"];
    REQUIRE(linux_part["capabilities"].size() == 41);
    REQUIRE(linux_part["capabilities"][0] == "CAP_CHOWN");
    REQUIRE(linux_part["cgroup"]["v1"] == false);
    REQUIRE(linux_part["seccomp"]["supportedFlags"] == nlohmann::json{"SECCOMP_FILTER_FLAG_LOG"});
    for (const auto &type : linux_part["namespaces"]) {
        REQUIRE(refusal({{"/linux/namespaces", nlohmann::json{{{"type", type}}}.dump()}, {"/hooks", ""}}).empty());
    }
    for (const auto &architecture : linux_part["seccomp"]["archs"]) {
        nlohmann::json profile = {{"defaultAction", "SCMP_ACT_LOG"}, {"architectures", {architecture}}};
        REQUIRE(refusal({{"/linux/seccomp", profile.dump()}}).empty());
    }
}
