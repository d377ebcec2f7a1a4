// SPDX-License-Identifier: Apache-2.0
// The half of exit_record.h that the monitor has: no JSON library.
#include "runtime/monitor/exit_record.h"

namespace ballast::monitor {

std::string exit_record_text(const ExitRecord &record) {
    const auto number = [](const char *name, auto value) {
        return std::string(",\"") + name + "\":" + std::to_string(value);
    };
    const auto flag = [](const char *name, bool value) {
        return std::string(",\"") + name + "\":" + (value ? "true" : "false");
    };
    return "{\"version\":1" + number("pid", record.pid) + flag("known", record.end.known) +
           number("status", record.end.status) + number("signal", record.end.signal) +
           number("time", record.end.time_ns) + flag("outputComplete", record.end.output_complete) +
           number("oomKills", record.oom_kills) + number("lostLogBytes", record.lost_log_bytes) +
           flag("stopped", record.stopped) + "}\n";
}

} // namespace ballast::monitor
