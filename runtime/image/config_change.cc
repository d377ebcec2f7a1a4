// SPDX-License-Identifier: Apache-2.0
#include "runtime/image/config_change.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

#include "base/json/json_cursor.h"
#include "base/trimmed.h"

namespace ballast::image {
namespace {

constexpr std::string_view kBlanks = " \t\r\n";
constexpr unsigned kMostPorts = 65535;

std::string upper(std::string_view text) {
    std::string result(text);
    std::ranges::transform(result, result.begin(),
                           [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; });
    return result;
}

// ["a", "b"]; nothing when the text is not a list of texts, and then it is a shell's command.
std::optional<std::vector<std::string>> exec_form(std::string_view text) {
    if (!text.starts_with('[')) {
        return std::nullopt;
    }
    Result<JsonDocument> document = JsonDocument::parse(text, "list");
    if (!document.has_value()) {
        return std::nullopt;
    }
    std::vector<std::string> words = JsonCursor(*document).texts();
    return document->failed() ? std::nullopt : std::optional(std::move(words));
}

std::vector<std::string> command_of(std::string_view text, const RunConfig &config) {
    if (std::optional<std::vector<std::string>> words = exec_form(text)) {
        return std::move(*words);
    }
    std::vector<std::string> shell = config.shell.empty() ? std::vector<std::string>{"/bin/sh", "-c"} : config.shell;
    shell.emplace_back(text);
    return shell;
}

// Words as a Dockerfile has them: single quotes keep everything, double quotes know the backslash.
Result<std::vector<std::string>> split_words(std::string_view text) {
    std::vector<std::string> words;
    std::string word;
    bool in_word = false;
    char open_quote = 0;
    for (std::size_t at = 0; at < text.size(); at++) {
        const char c = text[at];
        if (c == '\\' && open_quote != '\'' && at + 1 < text.size()) {
            word += text[++at];
            in_word = true;
        } else if (open_quote != 0) {
            if (c == open_quote) {
                open_quote = 0;
            } else {
                word += c;
            }
        } else if (c == '"' || c == '\'') {
            open_quote = c;
            in_word = true;
        } else if (kBlanks.contains(c)) {
            if (in_word) {
                words.push_back(std::exchange(word, {}));
            }
            in_word = false;
        } else {
            word += c;
            in_word = true;
        }
    }
    if (open_quote != 0) {
        return fail(EINVAL, "a quote is not closed");
    }
    if (in_word) {
        words.push_back(word);
    }
    return words;
}

using Pairs = std::vector<std::pair<std::string, std::string>>;

// "A=b C='d e'", or "A b c", the old form with one name.
Result<Pairs> name_values(std::string_view text) {
    const std::vector<std::string> words = TRY(split_words(text));
    if (words.empty()) {
        return fail(EINVAL, "want NAME=VALUE");
    }
    Pairs pairs;
    if (!words[0].contains('=')) {
        const std::size_t end = std::min(text.find_first_of(kBlanks), text.size());
        if (words.size() < 2) {
            return fail(EINVAL, "want NAME=VALUE");
        }
        pairs.emplace_back(text.substr(0, end), trimmed(text.substr(end), kBlanks));
        return pairs;
    }
    for (const std::string &word : words) {
        const std::size_t equals = word.find('=');
        if (equals == std::string::npos || equals == 0) {
            return fail(EINVAL, shortly_quoted(word) + ": want NAME=VALUE");
        }
        pairs.emplace_back(word.substr(0, equals), word.substr(equals + 1));
    }
    return pairs;
}

void set_env(RunConfig &config, const std::string &name, const std::string &value) {
    const auto same = std::ranges::find_if(config.env, [&](const std::string &entry) {
        return entry.size() > name.size() && entry.starts_with(name) && entry[name.size()] == '=';
    });
    if (same != config.env.end()) {
        *same = name + "=" + value;
    } else {
        config.env.push_back(name + "=" + value);
    }
}

Result<std::int64_t> nanoseconds(std::string_view text) {
    struct Unit {
        std::string_view name;
        std::int64_t nanoseconds;
    };
    constexpr Unit kUnits[] = {{"ms", 1'000'000},        {"us", 1'000},         {"ns", 1},
                               {"h", 3'600'000'000'000}, {"m", 60'000'000'000}, {"s", 1'000'000'000}};
    std::int64_t sum = 0;
    std::string_view rest = text;
    while (!rest.empty()) {
        std::int64_t number = 0;
        const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), number);
        rest.remove_prefix(static_cast<std::size_t>(end - rest.data()));
        const auto *unit =
            std::ranges::find_if(kUnits, [&](const Unit &candidate) { return rest.starts_with(candidate.name); });
        if (error != std::errc() || number < 0 || unit == std::end(kUnits) ||
            number > (INT64_MAX - sum) / unit->nanoseconds) {
            return fail(EINVAL, shortly_quoted(text) + ": want a time as \"1m30s\"");
        }
        sum += number * unit->nanoseconds;
        rest.remove_prefix(unit->name.size());
    }
    return sum;
}

Status set_health_option(Healthcheck &check, std::string_view option) {
    const std::size_t equals = std::min(option.find('='), option.size());
    const std::string_view name = option.substr(2, equals - 2);
    const std::string_view value = option.substr(std::min(equals + 1, option.size()));
    if (name == "retries") {
        const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), check.retries);
        return error == std::errc() && end == value.data() + value.size() && check.retries >= 0
                   ? Status()
                   : fail(EINVAL, "--retries: want a number");
    }
    std::int64_t *field = name == "interval"         ? &check.interval
                          : name == "timeout"        ? &check.timeout
                          : name == "start-period"   ? &check.start_period
                          : name == "start-interval" ? &check.start_interval
                                                     : nullptr;
    if (field == nullptr) {
        return fail(EINVAL, shortly_quoted(option) + ": no such option");
    }
    *field = TRY(nanoseconds(value));
    return {};
}

Status change_healthcheck(std::string_view text, RunConfig &config) {
    Healthcheck check;
    while (text.starts_with("--")) {
        const std::size_t end = std::min(text.find_first_of(kBlanks), text.size());
        TRY(set_health_option(check, text.substr(0, end)));
        text = trimmed(text.substr(end), kBlanks);
    }
    const std::size_t end = std::min(text.find_first_of(kBlanks), text.size());
    const std::string kind = upper(text.substr(0, end));
    const std::string_view command = trimmed(text.substr(end), kBlanks);
    if (kind == "NONE" && command.empty()) {
        check.test = {"NONE"};
    } else if (kind == "CMD" && !command.empty()) {
        if (std::optional<std::vector<std::string>> words = exec_form(command)) {
            check.test = {"CMD"};
            check.test.insert(check.test.end(), words->begin(), words->end());
        } else {
            check.test = {"CMD-SHELL", std::string(command)};
        }
    } else {
        return fail(EINVAL, "want NONE or CMD and a command");
    }
    config.healthcheck = check;
    return {};
}

Status change_workdir(std::string_view text, RunConfig &config) {
    if (text.starts_with('/')) {
        config.working_dir = text;
    } else {
        config.working_dir += (config.working_dir.ends_with('/') ? "" : "/") + std::string(text);
    }
    return {};
}

Status change_list(std::string_view text, std::set<std::string> &names) {
    std::vector<std::string> words = exec_form(text).value_or(std::vector<std::string>{});
    if (words.empty()) {
        words = TRY(split_words(text));
    }
    for (const std::string &word : words) {
        if (word.empty()) {
            return fail(EINVAL, "a path is empty");
        }
        names.insert(word);
    }
    return {};
}

Status change_ports(std::string_view text, RunConfig &config) {
    for (const std::string &word : TRY(split_words(text))) {
        for (std::string &port : TRY(exposed_ports(word))) {
            config.exposed_ports.insert(std::move(port));
        }
    }
    return {};
}

Status apply(const std::string &instruction, std::string_view text, RunConfig &config) {
    if (instruction == "CMD") {
        config.cmd = command_of(text, config);
        return {};
    }
    if (instruction == "ENTRYPOINT") {
        config.entrypoint = command_of(text, config);
        return {};
    }
    if (instruction == "ENV" || instruction == "LABEL") {
        for (const auto &[name, value] : TRY(name_values(text))) {
            if (instruction == "ENV") {
                set_env(config, name, value);
            } else {
                config.labels[name] = value;
            }
        }
        return {};
    }
    if (instruction == "EXPOSE") {
        return change_ports(text, config);
    }
    if (instruction == "HEALTHCHECK") {
        return change_healthcheck(text, config);
    }
    if (instruction == "ONBUILD") {
        config.on_build.emplace_back(text);
        return {};
    }
    if (instruction == "STOPSIGNAL") {
        config.stop_signal = text;
        return {};
    }
    if (instruction == "USER") {
        config.user = text;
        return {};
    }
    if (instruction == "VOLUME") {
        return change_list(text, config.volumes);
    }
    if (instruction == "WORKDIR") {
        return change_workdir(text, config);
    }
    return fail(EINVAL, instruction + " is not a valid change command");
}

Result<unsigned> port_number(std::string_view text) {
    unsigned number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || end != text.data() + text.size() || number == 0 || number > kMostPorts) {
        return fail(EINVAL, "port " + shortly_quoted(text) + ": want 1 to 65535");
    }
    return number;
}

} // namespace

Result<std::vector<std::string>> exposed_ports(std::string_view text) {
    const std::size_t slash = std::min(text.find('/'), text.size());
    const std::string protocol(slash == text.size() ? "tcp" : text.substr(slash + 1));
    if (protocol != "tcp" && protocol != "udp" && protocol != "sctp") {
        return fail(EINVAL, "port " + shortly_quoted(text) + ": want tcp, udp or sctp");
    }
    const std::string_view range = text.substr(0, slash);
    const std::size_t dash = std::min(range.find('-'), range.size());
    const unsigned first = TRY(port_number(range.substr(0, dash)));
    const unsigned last = dash == range.size() ? first : TRY(port_number(range.substr(dash + 1)));
    if (last < first) {
        return fail(EINVAL, "port " + shortly_quoted(text) + ": the range runs backwards");
    }
    std::vector<std::string> ports;
    for (unsigned port = first; port <= last; port++) {
        ports.push_back(std::to_string(port) + "/" + protocol);
    }
    return ports;
}

Status apply_changes(const std::vector<std::string> &changes, RunConfig &config) {
    for (const std::string &change : changes) {
        const std::string_view line = trimmed(change, kBlanks);
        if (line.empty() || line.starts_with('#')) {
            continue;
        }
        const std::size_t end = std::min(line.find_first_of(kBlanks), line.size());
        const std::string instruction = upper(line.substr(0, end));
        const std::string_view text = trimmed(line.substr(end), kBlanks);
        if (text.empty()) {
            return fail(EINVAL, "change " + shortly_quoted(line) + ": " + instruction + " requires an argument");
        }
        TRY(apply(instruction, text, config).within("change " + shortly_quoted(line)));
    }
    return {};
}

} // namespace ballast::image
