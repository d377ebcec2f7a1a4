// SPDX-License-Identifier: Apache-2.0
// `state`, `list` and `ps`.
#include <algorithm>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include "base/file_io.h"
#include "base/quote.h"
#include "runtime/container/lifecycle.h"
#include "runtime/container/ps_table.h"
#include "runtime/oci/options.h"
#include "runtime/oci/start_options.h"
#include "runtime/oci/verbs.h"

namespace ballast::oci {
namespace {

using container::Phase;
using container::Summary;

// A container that has stopped has no process any more, whatever its record says.
pid_t shown_pid(const Summary &summary) { return summary.phase == Phase::kStopped ? 0 : summary.state.pid; }

std::string row(const std::vector<std::string> &cells) {
    constexpr std::size_t kWidths[] = {24, 12, 12, 40, 32};
    std::string text;
    for (std::size_t place = 0; place < cells.size(); ++place) {
        std::string cell = cells[place];
        if (place < std::size(kWidths)) {
            cell.resize(std::max(cell.size() + 1, kWidths[place]), ' ');
        }
        text += cell;
    }
    return text + "\n";
}

Result<std::string> list_text(const std::vector<Summary> &summaries, const std::string &format) {
    if (format == "json") {
        nlohmann::ordered_json list = nlohmann::ordered_json::array();
        for (const Summary &summary : summaries) {
            list.push_back(nlohmann::ordered_json::parse(oci_state(summary.state, summary.phase, shown_pid(summary))));
        }
        return list.dump() + "\n";
    }
    std::string text = row({"ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER"});
    for (const Summary &summary : summaries) {
        text += row({summary.state.id, std::to_string(shown_pid(summary)), phase_name(summary.phase),
                     summary.state.bundle, summary.state.created, summary.state.owner});
    }
    return text;
}

std::function<Status(const std::string &)> store_format(std::string &to) {
    return [&to](const std::string &value) -> Status {
        if (value != "table" && value != "json") {
            return fail(EINVAL, "--format: want table or json, have " + quote(value));
        }
        to = value;
        return {};
    };
}

} // namespace

Status print(const std::string &text) { return write_all(BorrowedFd(STDOUT_FILENO), text).within("standard output"); }

Result<int> verb_state(const Settings &settings, const Arguments &arguments) {
    const Parsed parsed = TRY(parse_options(arguments, {}));
    if (parsed.help) {
        TRY(print("usage: ballast-oci state ID\n"));
        return 0;
    }
    const Summary summary = TRY(container::describe(settings, TRY(only_id("state", parsed.words))));
    TRY(print(oci_state(summary.state, summary.phase, shown_pid(summary)) + "\n"));
    return 0;
}

Result<int> verb_list(const Settings &settings, const Arguments &arguments) {
    std::string format = "table";
    bool quiet = false;
    const std::vector<Option> options{{"format", 'f', "table|json", "how to print it", store_format(format)},
                                      {"quiet", 'q', nullptr, "ids only", store(quiet)}};
    const Parsed parsed = TRY(parse_options(arguments, options));
    if (parsed.help) {
        TRY(print("usage: ballast-oci list [OPTION...]\n" + options_text(options)));
        return 0;
    }
    std::vector<Summary> summaries;
    for (const std::string &id : TRY(container::container_ids(settings.root))) {
        Result<Summary> summary = container::describe(settings, id);
        if (summary.has_value()) {
            summaries.push_back(std::move(*summary));
        } else if (summary.error().code != ENOENT) { // gone since; any other must not hide the rest
            (void)write_all(BorrowedFd(STDERR_FILENO), "ballast-oci: " + escaped(summary.error().message) + "\n");
        }
    }
    if (!quiet) {
        TRY(print(TRY(list_text(summaries, format))));
        return 0;
    }
    for (const Summary &summary : summaries) {
        TRY(print(summary.state.id + "\n"));
    }
    return 0;
}

Result<int> verb_ps(const Settings &settings, const Arguments &arguments) {
    std::string format = "table";
    const std::vector<Option> options{{"format", 'f', "table|json", "how to print it", store_format(format)}};
    const Parsed parsed = TRY(parse_options(arguments, options, true));
    if (parsed.help) {
        TRY(print("usage: ballast-oci ps [OPTION...] ID [PS OPTION...]\n" + options_text(options)));
        return 0;
    }
    if (parsed.words.empty()) {
        return fail(EINVAL, "ps: want a container id");
    }
    const std::vector<pid_t> pids = TRY(container::processes(settings, parsed.words.front()));
    if (format == "json") {
        TRY(print(nlohmann::json(pids).dump() + "\n"));
        return 0;
    }
    std::vector<std::string> ps_options(parsed.words.begin() + 1, parsed.words.end());
    TRY(print(TRY(container::ps_table(pids, ps_options))));
    return 0;
}

} // namespace ballast::oci
