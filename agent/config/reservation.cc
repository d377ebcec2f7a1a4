// SPDX-License-Identifier: Apache-2.0
#include "agent/config/reservation.h"

#include <algorithm>
#include <array>
#include <set>

#include "agent/config/comma_list.h"
#include "base/quote.h"

namespace ballast::agent {
namespace {

using Amounts = Reservation::Amounts;
using Thresholds = Reservation::Thresholds;

constexpr std::array kReservable = std::to_array<std::string_view>({"cpu", "memory", "ephemeral-storage", "pid"});
constexpr std::array kSignals = std::to_array<std::string_view>(
    {"memory.available", "nodefs.available", "nodefs.inodesFree", "imagefs.available", "imagefs.inodesFree",
     "containerfs.available", "containerfs.inodesFree", "pid.available", "allocatableMemory.available"});
constexpr std::array kEnforceable = std::to_array<std::string_view>(
    {"none", "pods", "system-reserved", "kube-reserved", "system-reserved-compressible", "kube-reserved-compressible"});

const Thresholds &usual() {
    static const Thresholds kUsual = {{"memory.available", {.amount = 100LL << 20}},
                                      {"nodefs.available", {.percent = Quantity::of(10)}},
                                      {"nodefs.inodesFree", {.percent = Quantity::of(5)}},
                                      {"imagefs.available", {.percent = Quantity::of(15)}},
                                      {"imagefs.inodesFree", {.percent = Quantity::of(5)}}};
    return kUsual;
}

template <std::size_t kCount>
std::string one_of(const std::array<std::string_view, kCount> &words) {
    std::string text = "want one of";
    for (const std::string_view word : words) {
        text += (word == words.front() ? " " : ", ") + std::string(word);
    }
    return text;
}

Status put(Amounts &to, const std::string &name, const std::string &text) {
    if (!std::ranges::contains(kReservable, name)) {
        return fail(EINVAL, one_of(kReservable) + ", not " + quote(name));
    }
    const auto amount = Quantity::parse(text);
    if (!amount) {
        return fail(EINVAL, name + ": want an amount like 500m or 1Gi, not " + quote(text));
    }
    to[name] = *amount;
    return {};
}

Status put(Thresholds &to, const std::string &name, const std::string &text) {
    if (!std::ranges::contains(kSignals, name)) {
        return fail(EINVAL, one_of(kSignals) + ", not " + quote(name));
    }
    const bool percent = text.ends_with('%');
    const auto amount = Quantity::parse(percent ? text.substr(0, text.size() - 1) : text);
    if (!amount || (percent && *amount > Quantity::of(100))) {
        return fail(EINVAL, name + ": want an amount like 100Mi, or percent up to 100%, not " + quote(text));
    }
    to[name] = percent ? Threshold{.percent = amount} : Threshold{.amount = amount->whole()};
    return {};
}

// "NAME=TEXT,NAME=TEXT"
template <typename Map>
Result<Map> parse_list(const std::string &text, char between) {
    Map all;
    for (const std::string &part : comma_list(text)) {
        const std::size_t place = part.find(between);
        if (place == std::string::npos) {
            return fail(EINVAL, std::string("want NAME") + between + "AMOUNT, not " + quote(part));
        }
        TRY(put(all, part.substr(0, place), part.substr(place + 1)));
    }
    return all;
}

template <typename Map>
Status read_map(std::string_view name, const YamlNode &value, Map &to) {
    to.clear();
    for (const auto &[key, item] : TRY(value.members())) {
        if (const Status done = put(to, key, TRY(item.as_string())); !done.has_value()) {
            return wrong(item, "\"" + std::string(name) + "\": " + done.error().message);
        }
    }
    return {};
}

Field amounts_field(std::string_view name, Amounts &to) {
    return {name, [name, &to](const YamlNode &value) { return read_map(name, value, to); }};
}

std::int64_t milli_in(const Amounts &amounts, const std::string &resource) {
    const auto found = amounts.find(resource);
    return found == amounts.end() ? 0 : found->second.milli();
}

std::int64_t less(std::int64_t whole, std::int64_t milli) {
    return std::max<std::int64_t>(whole - ((milli + 999) / 1000), 0);
}

} // namespace

std::int64_t Threshold::of(std::int64_t whole) const {
    constexpr double kAll = 100'000; // thousandths of a percent
    return percent
               ? static_cast<std::int64_t>(static_cast<double>(whole) * (static_cast<double>(percent->milli()) / kAll))
               : amount;
}

std::int64_t Reservation::milli(const std::string &resource) const {
    if (resource == "cpu" && processors > 0) {
        return processors * 1000;
    }
    return milli_in(kube, resource) + milli_in(system, resource);
}

std::int64_t Reservation::least(const std::string &signal, std::int64_t whole) const {
    if (eviction) {
        if (const auto given = eviction->find(signal); given != eviction->end()) {
            return given->second.of(whole);
        }
        if (!merges) {
            return 0;
        }
    }
    const auto found = usual().find(signal);
    return found == usual().end() ? 0 : found->second.of(whole);
}

bool Reservation::holds_pods() const { return std::ranges::contains(enforced, "pods"); }

Allocatable allocatable(const Reservation &reservation, const Allocatable &whole) {
    return {.milli_cpu = std::max<std::int64_t>(whole.milli_cpu - reservation.milli("cpu"), 0),
            .memory =
                less(whole.memory - reservation.least("memory.available", whole.memory), reservation.milli("memory")),
            .storage = less(whole.storage - reservation.least("nodefs.available", whole.storage),
                            reservation.milli("ephemeral-storage"))};
}

std::vector<Field> reservation_fields(Reservation &reservation) {
    const auto placed = [](const YamlNode &value, const char *name, const Error &error) {
        return wrong(value, "\"" + std::string(name) + "\": " + error.message);
    };
    return {amounts_field("kubeReserved", reservation.kube),
            amounts_field("systemReserved", reservation.system),
            {"reservedSystemCPUs",
             [&to = reservation.processors, placed](const YamlNode &value) -> Status {
                 const Result<std::int64_t> count = count_processors(TRY(value.as_string()));
                 to = count.value_or(0);
                 return count.has_value() ? Status() : placed(value, "reservedSystemCPUs", count.error());
             }},
            {"evictionHard", [&to = reservation.eviction](
                                 const YamlNode &value) { return read_map("evictionHard", value, to.emplace()); }},
            flag_field("mergeDefaultEvictionSettings", reservation.merges),
            {"enforceNodeAllocatable", [&to = reservation.enforced, placed](const YamlNode &value) -> Status {
                 TRY(texts_field("enforceNodeAllocatable", to).read(value));
                 const Status known = check_enforced(to);
                 return known.has_value() ? Status() : placed(value, "enforceNodeAllocatable", known.error());
             }}};
}

Result<Amounts> parse_amounts(const std::string &text) { return parse_list<Amounts>(text, '='); }

Result<Thresholds> parse_thresholds(const std::string &text) { return parse_list<Thresholds>(text, '<'); }

Result<std::int64_t> count_processors(const std::string &text) {
    constexpr std::int64_t kMost = 8191;
    std::set<std::int64_t> all;
    for (const std::string &part : comma_list(text)) {
        const std::size_t dash = part.find('-');
        const auto first = number_in(std::string_view(part).substr(0, dash));
        const auto last = dash == std::string::npos ? first : number_in(std::string_view(part).substr(dash + 1));
        if (!first || !last || *first < 0 || *last < *first || *last > kMost) {
            return fail(EINVAL, "want processors like 0-1,3, not " + quote(text));
        }
        for (std::int64_t number = *first; number <= *last; number++) {
            all.insert(number);
        }
    }
    return static_cast<std::int64_t>(all.size());
}

Status check_enforced(const std::vector<std::string> &words) {
    for (const std::string &word : words) {
        if (!std::ranges::contains(kEnforceable, word)) {
            return fail(EINVAL, one_of(kEnforceable) + ", not " + quote(word));
        }
    }
    return {};
}

} // namespace ballast::agent
