// SPDX-License-Identifier: Apache-2.0
// What a monitor is told, and what `docker logs` reads.
#include "runtime/log/decode.h"
#include "runtime/monitor/detach_keys.h"
#include "runtime/monitor/exit_record.h"
#include "runtime/monitor/settings.h"
#include "tests/fuzz/fuzzer.h"
#include "tests/unit/check.h"

using namespace ballast;
using namespace ballast::monitor;

namespace {

// Decodes a payload as one kind of message; accepted, it must be the same again when it is written.
template <typename Message>
std::string try_message(const Frame &frame, bool &accepted) {
    const Result<Message> message = message_of<Message>({Message::kType, frame.payload});
    if (!message) {
        return message.error().code == EINVAL ? fuzz::bad_message(message.error().message)
                                              : "a code that is not EINVAL";
    }
    accepted = true;
    return encode(*message) == frame.payload ? "" : "another message after reading and writing";
}

template <typename... Message>
std::string try_all(const Frame &frame, bool &accepted) {
    std::string broken;
    ((broken = broken.empty() ? try_message<Message>(frame, accepted) : broken), ...);
    return broken;
}

fuzz::Verdict judge_frames(std::string_view input) {
    FrameReader reader;
    fuzz::Verdict verdict;
    for (std::size_t place = 0; place < input.size(); place += 3) {
        reader.feed(input.substr(place, 3));
    }
    for (;;) {
        const Result<std::optional<Frame>> next = reader.next();
        if (!next || !next->has_value()) {
            verdict.broken_promise = next ? "" : fuzz::bad_message(next.error().message);
            return verdict;
        }
        verdict.broken_promise =
            try_all<Hello, Attach, Run, Resize, CloseStdin, ExecCreate, ExecStart, TellExit, Welcome, Done, Failed,
                    Started, State, Descriptor, Event>(**next, verdict.accepted);
        if (!verdict.broken_promise.empty()) {
            return verdict;
        }
    }
}

fuzz::Verdict judge_settings(std::string_view input) {
    const Result<Settings> settings = read_settings(input);
    if (!settings) {
        return {false, fuzz::bad_message(settings.error().message)};
    }
    return {true, settings_text(*settings) == input ? "" : "other settings after reading and writing"};
}

fuzz::Verdict judge_record(std::string_view input) {
    const Result<ExitRecord> record = parse_exit_record(input, "f");
    if (!record) {
        return {false, fuzz::bad_message(record.error().message)};
    }
    const Result<ExitRecord> again = parse_exit_record(exit_record_text(*record), "f");
    return {true, again && *again == *record ? "" : "another record after writing and reading"};
}

// Any bytes end: each step uses some up, or says that more are needed.
fuzz::Verdict judge_log(std::string_view input) {
    bool accepted = false;
    for (const container_log::Decode decode :
         {container_log::decode_json_line, container_log::decode_cri_line, container_log::decode_local_record}) {
        container_log::Entry entry;
        for (std::string_view rest = input; !rest.empty();) {
            const container_log::Decoded decoded = decode(rest, entry);
            if (decoded.size > rest.size() || (decoded.good && decoded.size == 0)) {
                return {true, "uses up what is not there"};
            }
            accepted = accepted || decoded.good;
            if (decoded.size == 0) {
                break;
            }
            rest.remove_prefix(decoded.size);
        }
    }
    return {accepted, ""};
}

fuzz::Verdict judge_keys(std::string_view input) {
    const Result<std::string> keys = parse_detach_keys(input);
    if (!keys) {
        return {false, keys.error().code == EINVAL ? "" : "a code that is not EINVAL"};
    }
    DetachFilter filter(*keys);
    std::string passed;
    const std::string typed(input);
    if (!filter.feed(typed, passed)) {
        passed += filter.take_rest();
        return {true, passed == typed ? "" : "keys are lost"};
    }
    return {true, typed.starts_with(passed) ? "" : "keys are made up"};
}

void check(const char *name, fuzz::Verdict (*judge)(std::string_view), std::vector<std::string> words) {
    const fuzz::Plan plan{.name = name,
                          .corpus = std::string("tests/fuzz/corpus/") + name,
                          .parse = judge,
                          .duration = std::chrono::seconds(3),
                          .words = std::move(words)};
    fuzz::check(plan, 100);
}

} // namespace

TEST_CASE("messages to and from a monitor keep their promises for any bytes", "[fuzz]") {
    check("monitor-messages", judge_frames, {"web", std::string(4, '\xff'), std::string(4, '\0')});
}

TEST_CASE("a monitor's settings keep their promises for any bytes", "[fuzz]") {
    check("monitor-settings", judge_settings, {"/run", "json-file", std::string(4, '\xff'), std::string(4, '\0')});
}

TEST_CASE("exit records keep their promises for any text", "[fuzz]") {
    check("exit-record", judge_record, {"version", "known", "status", "256", "true"});
}

TEST_CASE("logs can be read to their end whatever they hold", "[fuzz]") {
    check("container-log", judge_log, {"\"log\":\"", "stdout", "stderr", " F ", " P ", "\\ud83d", "\\u0000"});
}

TEST_CASE("detach keys keep their promises for any text", "[fuzz]") {
    check("detach-keys", judge_keys, {"ctrl-", "ctrl-p", ",", "a"});
}
