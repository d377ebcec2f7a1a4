// SPDX-License-Identifier: Apache-2.0
#include <limits>

#include "runtime/isolate/statistics.h"

// Written by hand: a JSON library would be the largest part of a program that prints numbers. Which members are left
// out when they are zero is runc's choice, and programs that read this count on it.
namespace ballast::isolate {
namespace {

// One JSON object, member by member.
class Object {
  public:
    Object &raw(std::string_view key, std::string_view value) {
        text_.append(text_.size() > 1 ? ",\"" : "\"").append(key).append("\":").append(value);
        return *this;
    }
    Object &number(std::string_view key, std::uint64_t value) { return raw(key, std::to_string(value)); }
    Object &nonzero(std::string_view key, std::uint64_t value) { return value == 0 ? *this : number(key, value); }
    // Keys from outside need no escapes here: they come from the kernel's own names.
    std::string done() const { return text_ + "}"; }
    bool empty() const { return text_.size() == 1; }

  private:
    std::string text_ = "{";
};

std::string in_quotes(std::string_view text) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    std::string quoted = "\"";
    for (const char letter : text) {
        const auto code = static_cast<unsigned char>(letter);
        if (letter == '"' || letter == '\\') {
            quoted.append("\\").push_back(letter);
        } else if (code < ' ') {
            quoted.append("\\u00").append({kDigits[code >> 4U], kDigits[code & 0xfU]});
        } else {
            quoted.push_back(letter);
        }
    }
    return quoted + "\"";
}

std::string pressure_line(const Pressure::Line &line) {
    return Object()
        .raw("avg10", line.avg10)
        .raw("avg60", line.avg60)
        .raw("avg300", line.avg300)
        .number("total", line.total)
        .done();
}

bool nothing(const Pressure::Line &line) {
    return line.avg10 == "0" && line.avg60 == "0" && line.avg300 == "0" && line.total == 0;
}

void add_pressure(Object &object, const std::optional<Pressure> &pressure) {
    if (!pressure.has_value()) {
        return;
    }
    Object lines;
    if (!nothing(pressure->some)) {
        lines.raw("some", pressure_line(pressure->some));
    }
    if (!nothing(pressure->full)) {
        lines.raw("full", pressure_line(pressure->full));
    }
    object.raw("psi", lines.done());
}

std::string cpu_json(const Statistics::Cpu &cpu) {
    Object object;
    if (cpu.total != 0 || cpu.user != 0 || cpu.kernel != 0) {
        object.raw("usage",
                   Object().nonzero("total", cpu.total).number("kernel", cpu.kernel).number("user", cpu.user).done());
    }
    Object throttling;
    throttling.nonzero("periods", cpu.periods)
        .nonzero("throttledPeriods", cpu.throttled_periods)
        .nonzero("throttledTime", cpu.throttled_time);
    if (!throttling.empty()) {
        object.raw("throttling", throttling.done());
    }
    add_pressure(object, cpu.pressure);
    return object.done();
}

// Of version 1; readers expect the members.
std::string cpuset_json() {
    Object object;
    for (const char *key :
         {"cpu_exclusive", "mem_hardwall", "mem_exclusive", "memory_migrate", "memory_spread_page",
          "memory_spread_slab", "memory_pressure", "sched_load_balance", "sched_relax_domain_level"}) {
        object.number(key, 0);
    }
    return object.done();
}

void add_memory(Object &object, const char *key, const Statistics::MemoryUse &use) {
    if (use.limit != 0 || use.usage != 0 || use.max != 0) {
        object.raw(key, Object()
                            .number("limit", use.limit)
                            .nonzero("usage", use.usage)
                            .nonzero("max", use.max)
                            .number("failcnt", 0)
                            .done());
    }
}

// Memory and swap together, as version 1 counted them. Their peaks were not at the same time: no max.
Statistics::MemoryUse with_memory(const Statistics::Memory &memory) {
    Statistics::MemoryUse both = memory.swap;
    both.usage += memory.memory.usage;
    constexpr std::uint64_t kNoLimit = std::numeric_limits<std::uint64_t>::max();
    const bool unlimited = both.limit == kNoLimit || memory.memory.limit > kNoLimit - both.limit;
    both.limit = unlimited ? kNoLimit : both.limit + memory.memory.limit;
    both.max = 0;
    return both;
}

std::string memory_json(const Statistics::Memory &memory) {
    Object object;
    const auto cache = memory.raw.find("file");
    object.nonzero("cache", cache == memory.raw.end() ? 0 : cache->second);
    add_memory(object, "usage", memory.memory);
    add_memory(object, "swap", with_memory(memory));
    if (!memory.raw.empty()) {
        Object raw;
        for (const auto &[key, value] : memory.raw) {
            raw.number(key, value);
        }
        object.raw("raw", raw.done());
    }
    add_pressure(object, memory.pressure);
    return object.done();
}

void add_io(Object &object, const char *key, const std::vector<Statistics::IoEntry> &entries) {
    if (entries.empty()) {
        return;
    }
    std::string list = "[";
    for (const Statistics::IoEntry &entry : entries) {
        list += list.size() > 1 ? "," : "";
        list += Object()
                    .nonzero("major", entry.major)
                    .nonzero("minor", entry.minor)
                    .raw("op", in_quotes(entry.operation))
                    .nonzero("value", entry.value)
                    .done();
    }
    object.raw(key, list + "]");
}

std::string data_json(const Statistics &statistics) {
    Object io;
    add_io(io, "ioServiceBytesRecursive", statistics.io.bytes);
    add_io(io, "ioServicedRecursive", statistics.io.operations);
    add_pressure(io, statistics.io.pressure);
    Object hugetlb;
    for (const auto &[size, use] : statistics.hugetlb) {
        hugetlb.raw(size, Object().nonzero("usage", use.usage).number("failcnt", use.failures).done());
    }
    return Object()
        .raw("cpu", cpu_json(statistics.cpu))
        .raw("cpuset", cpuset_json())
        .raw("memory", memory_json(statistics.memory))
        .raw("pids", Object().nonzero("current", statistics.pids).nonzero("limit", statistics.pids_limit).done())
        .raw("blkio", io.done())
        .raw("hugetlb", hugetlb.done())
        .raw("intel_rdt", "{}")
        .raw("network_interfaces", "null")
        .done();
}

} // namespace

std::string stats_event(std::string_view id, const Statistics &statistics) {
    return Object().raw("type", "\"stats\"").raw("id", in_quotes(id)).raw("data", data_json(statistics)).done();
}

std::string oom_event(std::string_view id) { return Object().raw("type", "\"oom\"").raw("id", in_quotes(id)).done(); }

} // namespace ballast::isolate
