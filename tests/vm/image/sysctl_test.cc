// SPDX-License-Identifier: Apache-2.0
// Every kernel setting that the image ships is in force.
#include <algorithm>
#include <sstream>

#include "tests/vm/image/guest.h"

using namespace ballast;
using namespace ballast::vm;

namespace {

struct Setting {
    std::string key;
    std::string value;
    bool may_be_absent; // "-key" in sysctl.d(5)
};

std::string without_blanks_around(const std::string &text) {
    const std::size_t start = text.find_first_not_of(" \t");
    return start == std::string::npos ? "" : text.substr(start, text.find_last_not_of(" \t") - start + 1);
}

std::vector<Setting> shipped_settings() {
    std::vector<Setting> settings;
    for (const std::string &line : lines_of(checkout_file("rootfs/usr/lib/sysctl.d/60-ballast.conf"))) {
        if (line.starts_with('#') || line.starts_with(';')) {
            continue;
        }
        const std::size_t equals = line.find('=');
        REQUIRE(equals != std::string::npos);
        std::string key = without_blanks_around(line.substr(0, equals));
        const bool may_be_absent = key.starts_with('-');
        settings.push_back(
            {key.substr(may_be_absent ? 1 : 0), without_blanks_around(line.substr(equals + 1)), may_be_absent});
    }
    return settings;
}

} // namespace

TEST_CASE("every shipped kernel setting is in force", "[vm]") {
    Machine machine = booted();
    const std::vector<Setting> settings = shipped_settings();
    REQUIRE(settings.size() > 20);
    std::string script;
    for (const Setting &setting : settings) {
        std::string path = setting.key;
        std::ranges::replace(path, '.', '/');
        script += "cat /proc/sys/" + path + " 2>/dev/null || echo absent\n";
    }
    const std::vector<std::string> values = said_lines(machine, script);
    REQUIRE(values.size() == settings.size());
    for (std::size_t i = 0; i < settings.size(); ++i) {
        INFO(settings[i].key);
        if (!settings[i].may_be_absent || values[i] != "absent") {
            CHECK(values[i] == settings[i].value);
        }
    }
}
