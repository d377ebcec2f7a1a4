// SPDX-License-Identifier: Apache-2.0
#include "updater/cli/commands.h"

#include <chrono>
#include <cstdio>

#include "base/json/json_cursor.h"
#include "base/quote.h"
#include "updater/cli/progress.h"
#include "updater/status.h"

namespace ballast::updater::cli {
namespace {

int failed(const Error &error) {
    (void)std::fprintf(stderr, "ballast: %s\n", escaped(error.message).c_str());
    switch (error.code) {
    case EBUSY:
        return kBusy;
    case EPERM:
    case EKEYREJECTED:
    case ESTALE:
        return kRefused;
    default:
        return kFailed;
    }
}

void print(const std::string &text) { (void)std::fputs(text.c_str(), stdout); }

struct Answer {
    std::string text;
    bool available = false;
};

Result<Answer> read_answer(const std::string &json) {
    JsonDocument document = TRY(JsonDocument::parse(json, "answer"));
    const JsonCursor root(document);
    Answer answer{.text = root.need("text").text(), .available = root.at("available").boolean()};
    TRY(document.status());
    return answer;
}

Result<Answer> asked(const Ask &ask, const BusCall &call, const BusClient::Watch &watch = {}) {
    return read_answer(TRY(ask(call, watch)));
}

int shown(const Result<Answer> &answer) {
    if (!answer.has_value()) {
        return failed(answer.error());
    }
    print(answer->text + "\n");
    return kDone;
}

// As it came, or made readable by `text_of`.
int print_document(const Ask &ask, const char *method, bool json,
                   const std::function<Result<std::string>(const std::string &)> &text_of) {
    const Result<std::string> answer = ask({.method = method}, {});
    if (!answer.has_value()) {
        return failed(answer.error());
    }
    const Result<std::string> text = json ? answer : text_of(*answer);
    if (!text.has_value()) {
        return failed(text.error());
    }
    print(*text);
    return kDone;
}

} // namespace

int status(const Ask &ask, bool json) {
    const auto now =
        std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch());
    return print_document(ask, "Status", json,
                          [&](const std::string &answer) { return status_text(answer, now.count()); });
}

int history(const Ask &ask, bool json) { return print_document(ask, "History", json, history_text); }

int upgrade(const Ask &ask, const UpgradeOptions &options) {
    if (options.check) {
        const Result<Answer> answer = asked(ask, {.method = "Check", .arguments = {options.target}});
        const int exit = shown(answer);
        return exit == kDone && !answer->available ? kNothing : exit;
    }
    Progress progress;
    const Result<Answer> answer = asked(
        ask, {.method = "Upgrade", .arguments = {options.target, options.allow_older, options.insist, options.reboot}},
        [&](const std::string &version, const PullProgress &now) { progress.show(version, now); });
    progress.finish();
    return shown(answer);
}

int kernel_arguments(const Ask &ask, const KernelArgumentOptions &options) {
    if (!options.changes.empty()) {
        return shown(asked(ask, {.method = "SetKernelArguments",
                                 .arguments = {options.changes.append, options.changes.remove, options.changes.replace,
                                               options.reboot}}));
    }
    return print_document(ask, "Status", false, [](const std::string &json) -> Result<std::string> {
        JsonDocument document = TRY(JsonDocument::parse(json, "status"));
        std::string line;
        const JsonCursor root(document);
        const JsonCursor next = root.at("next"); // what is prepared is what further changes build on
        for (const JsonCursor &one : (next.given() ? next : root.at("running")).at("kernel-arguments").items()) {
            line += (line.empty() ? "" : " ") + one.text();
        }
        TRY(document.status());
        return escaped(line) + "\n";
    });
}

int simple(const Ask &ask, const BusCall &call) { return shown(asked(ask, call)); }

} // namespace ballast::updater::cli
