// SPDX-License-Identifier: Apache-2.0
#include "runtime/isolate/systemd_unit.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <optional>

#include "base/quote.h"
#include "base/trimmed.h"

namespace ballast::isolate {
namespace {

constexpr std::uint64_t kMicroseconds = 1000000; // a second
constexpr std::uint64_t kUnlimited = std::numeric_limits<std::uint64_t>::max();

bool has_control(std::string_view text) {
    return std::ranges::any_of(text,
                               [](char letter) { return static_cast<unsigned char>(letter) < ' ' || letter == 0x7f; });
}

template <typename Number>
std::optional<Number> number_in(std::string_view text) {
    Number number{};
    const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || stop != text.data() + text.size()) {
        return std::nullopt;
    }
    return number;
}

std::vector<std::string_view> split(std::string_view text, char at) {
    std::vector<std::string_view> parts;
    while (true) {
        const std::size_t end = text.find(at);
        parts.push_back(text.substr(0, end));
        if (end == std::string_view::npos) {
            return parts;
        }
        text.remove_prefix(end + 1);
    }
}

bool is_slice_name(std::string_view name) {
    constexpr std::string_view kSuffix = ".slice";
    if (!name.ends_with(kSuffix) || name.size() == kSuffix.size() || name.contains('/')) {
        return false;
    }
    const std::string_view stem = name.substr(0, name.size() - kSuffix.size());
    const bool dashes = stem != "-" && (stem.starts_with('-') || stem.ends_with('-') || stem.contains("--"));
    return !dashes && is_scope_name(std::string(stem) + ".scope"); // the same letters
}

// Properties that concern the scope and what is in it, nothing else: none that starts, stops or runs something
// (Wants=, Conflicts=, OnFailure=, SuccessAction=), none that opens devices or moves the scope.
struct Allowed {
    std::string_view name;
    char type; // D-Bus: b s i u t; l: a list of strings
};
constexpr std::array kAllowed = std::to_array<Allowed>({
    {"After", 'l'},
    {"Before", 'l'},
    {"CPUAccounting", 'b'},
    {"CPUQuotaPerSecUSec", 't'},
    {"CPUQuotaPeriodUSec", 't'},
    {"CPUWeight", 't'},
    {"CollectMode", 's'},
    {"DefaultDependencies", 'b'},
    {"Description", 's'},
    {"FinalKillSignal", 'i'},
    {"IOAccounting", 'b'},
    {"IOWeight", 't'},
    {"KillMode", 's'},
    {"KillSignal", 'i'},
    {"ManagedOOMMemoryPressure", 's'},
    {"ManagedOOMMemoryPressureLimit", 'u'},
    {"ManagedOOMPreference", 's'},
    {"ManagedOOMSwap", 's'},
    {"MemoryAccounting", 'b'},
    {"MemoryHigh", 't'},
    {"MemoryLow", 't'},
    {"MemoryMax", 't'},
    {"MemoryMin", 't'},
    {"MemorySwapMax", 't'},
    {"MemoryZSwapMax", 't'},
    {"OOMPolicy", 's'},
    {"PartOf", 'l'},
    {"RuntimeMaxUSec", 't'},
    {"SendSIGHUP", 'b'},
    {"SendSIGKILL", 'b'},
    {"StartupCPUWeight", 't'},
    {"StartupIOWeight", 't'},
    {"TasksAccounting", 'b'},
    {"TasksMax", 't'},
    {"TimeoutStopUSec", 't'},
});

// A string in single or double quotes at the start of `text`, which is taken off.
std::optional<std::string> take_string(std::string_view &text) {
    if (text.empty() || (text[0] != '\'' && text[0] != '"')) {
        return std::nullopt;
    }
    const char quote = text[0];
    std::string value;
    for (std::size_t place = 1; place < text.size(); place++) {
        if (text[place] == quote) {
            text.remove_prefix(place + 1);
            return value;
        }
        if (text[place] == '\\') {
            place++;
            // \n, \u0041 and the like could make what was just refused
            if (place == text.size() || (text[place] != '\\' && text[place] != '\'' && text[place] != '"')) {
                return std::nullopt;
            }
        }
        value += text[place];
    }
    return std::nullopt;
}

std::optional<std::vector<std::string>> string_list(std::string_view text) {
    const auto skip_spaces = [&text] { text.remove_prefix(std::min(text.find_first_not_of(' '), text.size())); };
    if (!text.starts_with('[')) {
        return std::nullopt;
    }
    text.remove_prefix(1);
    skip_spaces();
    std::vector<std::string> list;
    while (!text.starts_with(']')) {
        std::optional<std::string> value = take_string(text);
        if (!value.has_value()) {
            return std::nullopt;
        }
        list.push_back(std::move(*value));
        skip_spaces();
        if (text.starts_with(',')) {
            text.remove_prefix(1);
            skip_spaces();
        } else if (!text.starts_with(']')) {
            return std::nullopt;
        }
    }
    return text.size() == 1 ? std::optional(std::move(list)) : std::nullopt;
}

// A number with or without its GVariant type in front, in the range of that type and of `type`.
std::optional<std::string> number_text(std::string_view text, char type, std::uint64_t factor) {
    struct Prefix {
        std::string_view word;
        bool is_signed;
        std::uint64_t most;
    };
    constexpr std::array<Prefix, 7> kPrefixes = {{{"byte ", false, 0xff},
                                                  {"int16 ", true, 0x7fff},
                                                  {"uint16 ", false, 0xffff},
                                                  {"int32 ", true, 0x7fffffff},
                                                  {"uint32 ", false, 0xffffffff},
                                                  {"int64 ", true, 0x7fffffffffffffff},
                                                  {"uint64 ", false, kUnlimited}}};
    std::uint64_t most = kUnlimited;
    for (const Prefix &prefix : kPrefixes) {
        if (text.starts_with(prefix.word)) {
            text.remove_prefix(prefix.word.size());
            most = prefix.most;
            break;
        }
    }
    const std::optional<std::uint64_t> number = number_in<std::uint64_t>(text);
    // None of the properties means anything below zero.
    const std::uint64_t fits = type == 'i' ? 0x7fffffffU : type == 'u' ? 0xffffffffU : kUnlimited;
    if (!number.has_value() || *number > most || *number > fits / factor) {
        return std::nullopt;
    }
    return std::to_string(*number * factor);
}

std::optional<UnitProperty> typed(const Allowed &allowed, const std::string &value, std::uint64_t factor) {
    UnitProperty property{.name = std::string(allowed.name), .type = std::string(1, allowed.type), .words = {}};
    switch (allowed.type) {
    case 'b':
        if (value != "true" && value != "false") {
            return std::nullopt;
        }
        property.words = {value};
        return property;
    case 's': {
        std::string_view rest = value;
        std::optional<std::string> text = take_string(rest);
        if (!text.has_value() || !rest.empty()) {
            return std::nullopt;
        }
        property.words = {std::move(*text)};
        return property;
    }
    case 'l': {
        std::optional<std::vector<std::string>> list = string_list(value);
        if (!list.has_value()) {
            return std::nullopt;
        }
        property.type = "as";
        property.words = std::move(*list);
        return property;
    }
    default: {
        std::optional<std::string> number = number_text(value, allowed.type, factor);
        if (!number.has_value()) {
            return std::nullopt;
        }
        property.words = {std::move(*number)};
        return property;
    }
    }
}

Result<UnitProperty> annotated_property(std::string name, const std::string &value, const std::string &where) {
    if (!is_property_name(name) || has_control(value)) {
        return fail(EINVAL, where + ": its name or its value " + quote(value) + " has letters that are not allowed");
    }
    std::uint64_t factor = 1;
    // As systemctl shows them; D-Bus has them in microseconds. Not those that end so already.
    if (name.ends_with("Sec") && name.size() > 3 && name[name.size() - 4] >= 'a' && name[name.size() - 4] <= 'z') {
        name.replace(name.size() - 3, 3, "USec");
        factor = kMicroseconds;
    }
    const auto *allowed = std::ranges::find(kAllowed, name, &Allowed::name);
    if (allowed == kAllowed.end()) {
        return fail(EPERM, where + ": this property of a unit cannot be set by an annotation");
    }
    std::optional<UnitProperty> property = typed(*allowed, std::string(trimmed(value, " ")), factor);
    if (!property.has_value()) {
        constexpr std::string_view kWant = "biutsl";
        constexpr std::array<const char *, 6> kWords = {"true or false",  "a whole number", "a whole number",
                                                        "a whole number", "text in quotes", "a list of texts"};
        return fail(EINVAL, where + ": want " + kWords[kWant.find(allowed->type)] + ", have " + quote(value));
    }
    return std::move(*property);
}

UnitProperty number_property(const char *name, std::uint64_t number) {
    return {.name = name, .type = "t", .words = {std::to_string(number)}};
}

class ResourceProperties {
  public:
    explicit ResourceProperties(bool starting) : starting_(starting) {}

    Status add(const CgroupWrite &write) {
        if (write.file == "cpu.max") {
            return bandwidth(write);
        }
        if (write.file == "cpuset.cpus" || write.file == "cpuset.mems") {
            return set(write);
        }
        if (write.file == "memory.oom.group") {
            if (starting_ && (write.value == "0" || write.value == "1")) {
                put({.name = "OOMPolicy", .type = "s", .words = {write.value == "1" ? "kill" : "continue"}});
            }
            return {};
        }
        if (write.file == "cpu.idle") {
            if (write.value == "1") { // systemd's way to say it
                idle_ = true;
                put(number_property("CPUWeight", 0));
            }
            return {};
        }
        return plain(write);
    }
    std::vector<UnitProperty> take() { return std::move(properties_); }

  private:
    // The last one of a name counts, as with writes.
    void put(UnitProperty property) {
        std::erase_if(properties_, [&](const UnitProperty &other) { return other.name == property.name; });
        properties_.push_back(std::move(property));
    }

    Status plain(const CgroupWrite &write) {
        struct Pair {
            std::string_view file;
            const char *property;
        };
        constexpr std::array<Pair, 9> kPairs = {{{"memory.min", "MemoryMin"},
                                                 {"memory.low", "MemoryLow"},
                                                 {"memory.high", "MemoryHigh"},
                                                 {"memory.max", "MemoryMax"},
                                                 {"memory.swap.max", "MemorySwapMax"},
                                                 {"memory.zswap.max", "MemoryZSwapMax"},
                                                 {"pids.max", "TasksMax"},
                                                 {"cpu.weight", "CPUWeight"},
                                                 {"io.weight", "IOWeight"}}};
        const bool bfq = write.file == "io.bfq.weight";
        const auto *pair = std::ranges::find(kPairs, bfq ? "io.weight" : std::string_view(write.file), &Pair::file);
        if (pair == kPairs.end() || (idle_ && pair->file == "cpu.weight")) {
            return {}; // systemd does not know it, and leaves it alone
        }
        std::string_view text = bfq ? write.other_value : std::string_view(write.value);
        if (pair->file == "io.weight") {
            if (text.starts_with("default ")) {
                text.remove_prefix(text.find(' ') + 1);
            }
            if (text.contains(' ') || text.empty()) {
                return {}; // of one device
            }
        }
        const std::optional<std::uint64_t> number = whole_number(trimmed(text, " "));
        if (!number.has_value()) {
            return fail(EINVAL, write.file + ": want a whole number or max, have " + quote(write.value));
        }
        // systemd takes 0 tasks for "not set"; one task cannot fork either.
        put(number_property(pair->property, pair->file == "pids.max" ? std::max<std::uint64_t>(*number, 1) : *number));
        return {};
    }

    Status bandwidth(const CgroupWrite &write) {
        constexpr std::uint64_t kDefaultPeriod = 100000;
        constexpr std::uint64_t kPercent = 10000; // of a processor, in microseconds a second
        std::vector<std::string_view> words = split(write.value, ' ');
        std::erase(words, "");
        const std::optional<std::uint64_t> first = whole_number(words.empty() ? std::string_view() : words[0]);
        const std::optional<std::uint64_t> second =
            words.size() == 2 ? number_in<std::uint64_t>(words[1]) : std::optional(kDefaultPeriod);
        if (words.size() > 2 || !first.has_value() || !second.has_value() || *second == 0 ||
            (*first != kUnlimited && *first > kUnlimited / kMicroseconds)) {
            return fail(EINVAL, write.file + ": want QUOTA [PERIOD], have " + quote(write.value));
        }
        if (write.keep_first) {
            put(number_property("CPUQuotaPeriodUSec", *first));
            return {};
        }
        std::uint64_t per_second = kUnlimited;
        if (*first != kUnlimited) {
            // It keeps whole percents: rounded up, so that after a reload no container gets less than it asked for.
            per_second = *first * kMicroseconds / *second;
            per_second = (per_second + kPercent - 1) / kPercent * kPercent;
        }
        put(number_property("CPUQuotaPeriodUSec", *second));
        put(number_property("CPUQuotaPerSecUSec", per_second));
        return {};
    }

    Status set(const CgroupWrite &write) {
        UnitProperty property{
            .name = write.file == "cpuset.cpus" ? "AllowedCPUs" : "AllowedMemoryNodes", .type = "ay", .words = {}};
        for (const std::uint8_t byte : TRY(number_set(write.value).within(write.file))) {
            property.words.push_back(std::to_string(byte));
        }
        put(std::move(property));
        return {};
    }

    bool starting_;
    bool idle_ = false;
    std::vector<UnitProperty> properties_;
};

} // namespace

Result<ScopeName> scope_name(std::string_view cgroups_path, std::string_view id, bool rootless) {
    const char *default_slice = rootless ? "user.slice" : "system.slice";
    ScopeName name;
    if (cgroups_path.empty()) {
        name = {.slice = default_slice, .scope = "ballast-" + std::string(id) + ".scope"};
    } else {
        const std::vector<std::string_view> parts = split(cgroups_path, ':');
        if (parts.size() != 3 || parts[2].empty()) {
            return fail(EINVAL, "linux.cgroupsPath: want slice:prefix:name (the manager is systemd), have " +
                                    quote(cgroups_path));
        }
        name = {.slice = parts[0].empty() ? default_slice : std::string(parts[0]),
                .scope = std::string(parts[1]) + "-" + std::string(parts[2]) + ".scope"};
    }
    if (!is_slice_name(name.slice)) {
        return fail(EINVAL, "linux.cgroupsPath: no name of a slice: " + quote(name.slice));
    }
    if (!is_scope_name(name.scope)) {
        return fail(EINVAL, "linux.cgroupsPath: no name of a scope: " + quote(name.scope));
    }
    return name;
}

Result<std::vector<UnitProperty>> annotated_properties(const std::map<std::string, std::string> &annotations) {
    constexpr std::string_view kPrefix = "org.systemd.property.";
    std::vector<UnitProperty> properties;
    for (auto place = annotations.lower_bound(std::string(kPrefix));
         place != annotations.end() && place->first.starts_with(kPrefix); place++) {
        properties.push_back(TRY(annotated_property(place->first.substr(kPrefix.size()), place->second,
                                                    "annotation " + quote(place->first))));
    }
    return properties;
}

Result<std::vector<UnitProperty>> resource_properties(const std::vector<CgroupWrite> &writes, bool starting) {
    ResourceProperties properties(starting);
    for (const CgroupWrite &write : writes) {
        TRY(properties.add(write));
    }
    return properties.take();
}

Result<std::vector<std::uint8_t>> number_set(std::string_view list) {
    constexpr std::uint32_t kMost = 8191; // CONFIG_NR_CPUS cannot be more
    constexpr unsigned kBits = 8;
    std::vector<std::uint8_t> bits;
    for (const std::string_view part : split(list, ',')) {
        const std::string range(trimmed(part, " "));
        const std::size_t dash = range.find('-');
        const std::optional<std::uint32_t> first = number_in<std::uint32_t>(std::string_view(range).substr(0, dash));
        const std::optional<std::uint32_t> last =
            dash == std::string::npos ? first : number_in<std::uint32_t>(std::string_view(range).substr(dash + 1));
        if (!first || !last || *first > *last || *last > kMost) {
            return fail(EINVAL, "want a list like 0-3,7, have " + quote(list));
        }
        bits.resize(std::max<std::size_t>(bits.size(), *last / kBits + 1));
        for (std::uint32_t number = *first; number <= *last; number++) {
            bits[number / kBits] |= static_cast<std::uint8_t>(1U << (number % kBits));
        }
    }
    return bits;
}

} // namespace ballast::isolate
