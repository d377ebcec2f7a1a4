// SPDX-License-Identifier: Apache-2.0
#include "runtime/config/engine_config.h"
#include "tests/fuzz/fuzzer.h"
#include "tests/unit/check.h"

using namespace ballast;

namespace {

std::vector<std::string> words() {
    std::vector<std::string> words = {"Soft", "Hard", "base", "size", "path", "unix:///x", "10.0.0.0/8", "64m", "/x"};
    for (const config::KeyInfo &key : config::engine_config_keys()) {
        words.emplace_back(key.name);
    }
    return words;
}

std::string broken_promise(const config::EngineConfig &config) {
    if (!config.data_root.is_absolute() || !config.exec_root.is_absolute()) {
        return "a root that is no absolute path";
    }
    for (const std::string &host : config.hosts) {
        if (host.starts_with("tcp://") && !host.starts_with("tcp://127.") && !host.starts_with("tcp://[::1]") &&
            !host.starts_with("tcp://::1")) {
            return "a host that everybody reaches";
        }
    }
    if (config.shm_size <= 0 || config.downloads == 0 || config.downloads > 64 || config.network.mtu > 65535) {
        return "a number out of its range";
    }
    for (const config::Ulimit &limit : config.ulimits) {
        if (limit.hard >= 0 && limit.soft > limit.hard) {
            return "a soft limit over the hard one";
        }
    }
    return "";
}

} // namespace

TEST_CASE("the engine's configuration keeps its promises for any text", "[fuzz]") {
    fuzz::check({.name = "engine-config",
                 .corpus = "tests/fuzz/corpus/engine-config",
                 .parse =
                     [](std::string_view input) {
                         const auto config = config::parse_engine_config(std::string(input), "f");
                         if (config.has_value()) {
                             return fuzz::Verdict{true, broken_promise(*config)};
                         }
                         const Error &error = config.error();
                         if (error.code != EINVAL || !error.message.starts_with("f:")) {
                             return fuzz::Verdict{false, "a message without its place"};
                         }
                         return fuzz::Verdict{false, fuzz::bad_message(error.message)};
                     },
                 .duration = std::chrono::seconds(8),
                 .words = words()},
                100);
}
