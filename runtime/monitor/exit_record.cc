// SPDX-License-Identifier: Apache-2.0
#include "runtime/monitor/exit_record.h"

#include <algorithm>
#include <array>

#include "base/json/json_cursor.h"

namespace ballast::monitor {

Result<ExitRecord> parse_exit_record(std::string_view text, const std::string &name) {
    JsonDocument document = TRY(JsonDocument::parse(text, name));
    const JsonCursor root(document);
    constexpr std::array<std::string_view, 10> known = {
        "version", "pid", "known", "status", "signal", "time", "outputComplete", "oomKills", "lostLogBytes", "stopped"};
    for (const JsonCursor member : root.members()) {
        if (std::ranges::find(known, member.name()) == known.end()) {
            member.fail("is not known");
        }
    }
    ExitRecord record;
    (void)root.need("version").number<std::uint32_t>(1, 1);
    record.pid = root.need("pid").number<std::uint32_t>();
    record.end.known = root.need("known").boolean();
    record.end.status = root.need("status").number<std::int32_t>(0, 255);
    record.end.signal = root.need("signal").number<std::int32_t>(0, 64);
    record.end.time_ns = root.need("time").number<std::int64_t>();
    record.end.output_complete = root.need("outputComplete").boolean();
    record.oom_kills = root.need("oomKills").number<std::uint64_t>();
    record.lost_log_bytes = root.need("lostLogBytes").number<std::uint64_t>();
    record.stopped = root.at("stopped").boolean(); // records of older monitors have none
    TRY(document.status());
    return record;
}

} // namespace ballast::monitor
