// SPDX-License-Identifier: Apache-2.0
#include <chrono>

#include "base/quote.h"
#include "runtime/container/lifecycle.h"
#include "runtime/isolate/oom_watch.h"
#include "runtime/isolate/statistics.h"
#include "runtime/oci/options.h"
#include "runtime/oci/start_options.h"
#include "runtime/oci/verbs.h"

namespace ballast::oci {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

// "5s", "500ms", "2m", "3": seconds without a unit.
Result<milliseconds> duration(const std::string &option, const std::string &text) {
    std::string number = text;
    std::int64_t factor = 1000;
    if (number.ends_with("ms")) {
        factor = 1;
        number.resize(number.size() - 2);
    } else if (number.ends_with('m')) {
        factor = 60'000;
        number.pop_back();
    } else if (number.ends_with('s')) {
        number.pop_back();
    }
    const Result<std::int64_t> count = whole_number(option, number);
    if (!count.has_value() || *count <= 0 || *count > 86'400) {
        return fail(EINVAL, option + ": want a time like 500ms, 5s or 1m, have " + quote(text));
    }
    return milliseconds(*count * factor);
}

Status print_statistics(const std::string &id, const isolate::Cgroup &cgroup) {
    return print(isolate::stats_event(id, TRY(cgroup.statistics())) + "\n");
}

// Until the container has ended.
Status follow(const std::string &id, const isolate::Cgroup &cgroup, milliseconds interval) {
    isolate::OomWatch watch = TRY(cgroup.watch_oom());
    steady_clock::time_point next = steady_clock::now();
    for (;;) {
        const steady_clock::time_point now = steady_clock::now();
        if (now >= next) {
            TRY(print_statistics(id, cgroup));
            next = now + interval;
        }
        using Event = isolate::OomWatch::Event;
        const Event event = TRY(watch.next(std::chrono::duration_cast<milliseconds>(next - now)));
        if (event == Event::kEmpty) {
            return {};
        }
        if (event == Event::kOom) {
            TRY(print(isolate::oom_event(id) + "\n"));
        }
    }
}

} // namespace

Result<int> verb_events(const Settings &settings, const Arguments &arguments) {
    bool once = false;
    milliseconds interval(5000);
    const std::vector<Option> options{
        {"stats", 0, nullptr, "print the statistics once", store(once)},
        {"interval", 0, "TIME", "between two (default 5s)", [&interval](const std::string &text) -> Status {
             interval = TRY(duration("--interval", text));
             return {};
         }}};
    const Parsed parsed = TRY(parse_options(arguments, options));
    if (parsed.help) {
        TRY(print("usage: ballast-oci events [OPTION...] ID\n" + options_text(options)));
        return 0;
    }
    const std::string id = TRY(only_id("events", parsed.words));
    const isolate::Cgroup cgroup = TRY(container::cgroup_of(
        settings, id, "watch", {container::Phase::kCreated, container::Phase::kRunning, container::Phase::kPaused}));
    TRY(once ? print_statistics(id, cgroup) : follow(id, cgroup, interval));
    return 0;
}

} // namespace ballast::oci
