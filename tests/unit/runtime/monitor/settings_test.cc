// SPDX-License-Identifier: Apache-2.0
#include "runtime/monitor/settings.h"

#include "tests/unit/check.h"

using namespace ballast;
using namespace ballast::monitor;

namespace {

Settings plain() {
    Settings settings;
    settings.container_id = "web";
    settings.socket = "/run/web.sock";
    settings.exit_record = "/var/exit.json";
    settings.runtime = {"/usr/lib/ballast/ballast-oci", "--root", "/run/oci"};
    settings.bundle = "/run/bundle";
    settings.pid_file = "/run/pid";
    settings.log = {.driver = "syslog", .options = {{"tag", "x"}}, .attributes = {{"a", "b"}, {"c", ""}}};
    settings.stall_ms = 5;
    return settings;
}

} // namespace

TEST_CASE("settings are the same after a journey", "[monitor]") {
    Settings settings = plain();
    settings.adopted = {{.session = 3, .name = "exec", .terminal = true, .pid = 9, .output = 2}};
    const Settings got = must(read_settings(settings_text(settings)));
    CHECK(settings_text(got) == settings_text(settings));
    CHECK(got.runtime == settings.runtime);
    CHECK(got.log.attributes == settings.log.attributes);
    CHECK(got.adopted.front().output == 2);
    CHECK(got.adopted.front().process == -1);
}

TEST_CASE("settings of another version say so", "[monitor]") {
    std::string text = settings_text(plain());
    text[0] = kSettingsVersion + 1;
    CHECK(error_of(read_settings(text)).code == EPROTO);
}

TEST_CASE("settings that make no sense are refused", "[monitor]") {
    const auto refused = [](void (*change)(Settings &)) {
        Settings settings = plain();
        change(settings);
        return error_of(read_settings(settings_text(settings))).code == EINVAL;
    };
    CHECK(refused([](Settings &one) { one.container_id.clear(); }));
    CHECK(refused([](Settings &one) { one.container_id = "../x"; }));
    CHECK(refused([](Settings &one) { one.socket = "relative"; }));
    CHECK(refused([](Settings &one) { one.socket = "/" + std::string(200, 'x'); }));
    CHECK(refused([](Settings &one) { one.exit_record.clear(); }));
    CHECK(refused([](Settings &one) { one.runtime.clear(); }));
    CHECK(refused([](Settings &one) { one.bundle = "bundle"; }));
    CHECK(refused([](Settings &one) { one.cgroup = "system.slice"; }));
    CHECK(refused([](Settings &one) { one.runtime = {"ballast-oci"}; }));
    CHECK(error_of(read_settings("")).code == EINVAL);
}
