// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <limits>
#include <linux/sched.h>

#include "runtime/oci/number_list.h"
#include "runtime/oci/spec_names.h"
#include "runtime/oci/spec_parts.h"
#include "runtime/oci/spec_reader.h"

namespace ballast::oci {
namespace {

constexpr std::uint32_t kHighestUmask = 0777;
constexpr int kHighestOomScore = 1000;
constexpr std::size_t kMostUnknownNames = 8;

User read_user(const JsonCursor &from) {
    User user;
    user.uid = from.at("uid").number<std::uint32_t>(0, kHighestId);
    user.gid = from.at("gid").number<std::uint32_t>(0, kHighestId);
    user.umask = from.at("umask").optional_number<std::uint32_t>(0, kHighestUmask);
    for (JsonCursor gid : from.at("additionalGids").items()) { // NGROUPS_MAX
        user.additional_gids.push_back(gid.number<std::uint32_t>(0, kHighestId));
    }
    return user;
}

std::vector<std::string> read_environment(const JsonCursor &from) {
    std::vector<std::string> environment;
    JsonCursor::Children items = from.items();
    environment.reserve(items.size());
    for (JsonCursor item : items) {
        std::string entry = item.text();
        std::size_t equals = entry.find('=');
        if (equals == std::string::npos || equals == 0) {
            item.refuse("NAME=VALUE");
        }
        environment.push_back(std::move(entry));
    }
    return environment;
}

Capabilities read_capabilities(const JsonCursor &from) {
    std::vector<std::string> unknown;
    auto read_set = [&](const char *name) {
        std::uint64_t set = 0;
        for (JsonCursor item : from.at(name).items()) {
            std::string capability = item.text();
            if (auto number = capability_number(capability)) {
                set |= std::uint64_t{1} << static_cast<unsigned>(*number);
            } else if (unknown.size() <= kMostUnknownNames && !std::ranges::contains(unknown, capability)) {
                unknown.push_back(std::move(capability));
            }
        }
        return set;
    };
    Capabilities capabilities;
    capabilities.bounding = read_set("bounding");
    capabilities.effective = read_set("effective");
    capabilities.inheritable = read_set("inheritable");
    capabilities.permitted = read_set("permitted");
    capabilities.ambient = read_set("ambient");
    if (!unknown.empty()) {
        // The specification wants a warning and no failure: a newer engine may know more than this runtime.
        std::string names;
        for (std::size_t place = 0; place < unknown.size(); place++) {
            names += place == 0 ? " " : ", ";
            names += place == kMostUnknownNames ? "…" : shortly_quoted(unknown[place]);
        }
        from.warn("unknown capabilities" + names + ", ignoring");
    }
    return capabilities;
}

std::vector<Rlimit> read_rlimits(const JsonCursor &from) {
    std::vector<Rlimit> rlimits;
    for (JsonCursor item : from.items()) {
        JsonCursor type = item.need("type");
        const NamedNumber *known = type.one_of(rlimit_names(), "a limit of getrlimit(2)");
        if (known == nullptr) {
            continue;
        }
        Rlimit limit;
        limit.name = known->name;
        limit.resource = static_cast<int>(known->number);
        limit.soft = item.need("soft").number<std::uint64_t>();
        limit.hard = item.need("hard").number<std::uint64_t>();
        if (limit.soft > limit.hard) {
            item.at("soft").refuse("a number up to that of hard, " + std::to_string(limit.hard));
        }
        if (std::ranges::contains(rlimits, limit.resource, &Rlimit::resource)) {
            type.refuse("every limit once");
        }
        rlimits.push_back(std::move(limit));
    }
    return rlimits;
}

// sched(7): a deadline's times are at least 2^10 ns, below 2^63, and runtime <= deadline <= period.
void read_deadline(const JsonCursor &from, Scheduler &scheduler) {
    constexpr std::uint64_t kShortest = 1024;
    constexpr std::uint64_t kLongest = std::numeric_limits<std::int64_t>::max();
    scheduler.runtime = from.need("runtime").number<std::uint64_t>(kShortest, kLongest, kShortest);
    scheduler.deadline = from.need("deadline").number<std::uint64_t>(scheduler.runtime, kLongest);
    scheduler.period = from.at("period").number<std::uint64_t>(0, kLongest); // 0: that of deadline
    if (scheduler.period != 0 && scheduler.period < scheduler.deadline) {
        from.at("period").refuse("0 or a number from that of deadline, " + std::to_string(scheduler.deadline));
    }
}

Scheduler read_scheduler(const JsonCursor &from) {
    constexpr std::int32_t kNicest = 19;
    constexpr std::int32_t kHighestPriority = 99;
    Scheduler scheduler;
    const NamedNumber *policy = from.need("policy").one_of(scheduler_policies(), "a scheduling policy");
    if (policy == nullptr) {
        return scheduler;
    }
    scheduler.policy = static_cast<std::uint32_t>(policy->number);
    scheduler.nice = from.at("nice").number<std::int32_t>(-kNicest - 1, kNicest);
    bool real_time = policy->number == SCHED_FIFO || policy->number == SCHED_RR;
    scheduler.priority = (real_time ? from.need("priority") : from.at("priority"))
                             .number<std::int32_t>(real_time ? 1 : 0, real_time ? kHighestPriority : 0);
    for (JsonCursor item : from.at("flags").items()) {
        const NamedNumber *flag = item.one_of(scheduler_flags(), "a scheduler flag");
        scheduler.flags |= flag == nullptr ? 0 : flag->number;
    }
    if (policy->number == SCHED_DEADLINE) {
        read_deadline(from, scheduler);
    } else {
        for (const char *name : {"runtime", "deadline", "period"}) {
            (void)from.at(name).number<std::uint64_t>(0, 0); // is refused unless it is 0: only deadlines have them
        }
    }
    return scheduler;
}

IoPriority read_io_priority(const JsonCursor &from) {
    constexpr int kLowestPriority = 7;
    IoPriority io_priority;
    if (const NamedNumber *io_class = from.need("class").one_of(io_classes(), "an I/O class"); io_class != nullptr) {
        io_priority.io_class = static_cast<int>(io_class->number);
    }
    io_priority.priority = from.at("priority").number<int>(0, kLowestPriority);
    return io_priority;
}

} // namespace

std::string read_number_list(const JsonCursor &from, unsigned highest) {
    std::string_view text = from.view();
    if (std::optional<std::string> list = tidy_number_list(text, highest); list && list->empty() == text.empty()) {
        return std::move(*list);
    }
    from.refuse("a list as \"0-3,7\" of numbers up to " + std::to_string(highest));
    return {};
}

void read_process(const JsonCursor &from, Process &process) {
    process.terminal = from.at("terminal").boolean();
    // Without a terminal the specification wants it ignored, whatever it is.
    if (JsonCursor size = from.at("consoleSize"); process.terminal && size.given()) {
        process.console_size = {size.need("height").number<std::uint16_t>(),
                                size.need("width").number<std::uint16_t>()};
    }
    process.user = read_user(from.at("user"));
    JsonCursor args = from.need("args");
    process.args = args.texts();
    if (args.given() && process.args.empty()) {
        args.fail("want at least one item, have none");
    }
    process.env = read_environment(from.at("env"));
    process.cwd = from.need("cwd").absolute_path();
    if (JsonCursor capabilities = from.at("capabilities"); capabilities.given()) {
        process.capabilities = read_capabilities(capabilities);
    }
    process.rlimits = read_rlimits(from.at("rlimits"));
    process.no_new_privileges = from.at("noNewPrivileges").boolean();
    process.oom_score_adj = from.at("oomScoreAdj").optional_number<int>(-kHighestOomScore, kHighestOomScore);
    process.apparmor_profile = from.at("apparmorProfile").text();
    process.selinux_label = from.at("selinuxLabel").text();
    if (JsonCursor scheduler = from.at("scheduler"); scheduler.given()) {
        process.scheduler = read_scheduler(scheduler);
    }
    if (JsonCursor io_priority = from.at("ioPriority"); io_priority.given()) {
        process.io_priority = read_io_priority(io_priority);
    }
    if (JsonCursor affinity = from.at("execCPUAffinity"); affinity.given()) {
        process.exec_cpu_affinity = {read_number_list(affinity.at("initial"), kHighestProcessor),
                                     read_number_list(affinity.at("final"), kHighestProcessor)};
    }
}

} // namespace ballast::oci
