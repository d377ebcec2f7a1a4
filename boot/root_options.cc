// SPDX-License-Identifier: Apache-2.0
#include "boot/root_options.h"

#include <array>
#include <charconv>
#include <string_view>
#include <utility>
#include <vector>

namespace ballast::boot {
namespace {

constexpr int kLongestWait = 86400;

// As the kernel splits it: by white space, which double quotes protect.
std::vector<std::string> words_of(const std::string &line) {
    std::vector<std::string> words;
    std::string word;
    bool quoted = false;
    for (const char c : line) {
        if (c == '"') {
            quoted = !quoted;
        } else if (!quoted && (c == ' ' || c == '\t' || c == '\n')) {
            if (!word.empty()) {
                words.push_back(std::exchange(word, {}));
            }
        } else {
            word += c;
        }
    }
    if (!word.empty()) {
        words.push_back(word);
    }
    return words;
}

Result<std::string> device(const std::string &value) {
    constexpr std::array<std::string_view, 5> kKinds = {"LABEL=", "UUID=", "PARTLABEL=", "PARTUUID=", "/dev/"};
    for (const std::string_view kind : kKinds) {
        if (value.starts_with(kind) && value.size() > kind.size()) {
            return value;
        }
    }
    return fail(EINVAL, "root=" + value + ": use LABEL=, UUID=, PARTLABEL=, PARTUUID= or a path under /dev");
}

Result<FileSystemCheck> check(const std::string &value) {
    if (value == "auto") {
        return FileSystemCheck::kAuto;
    }
    if (value == "force") {
        return FileSystemCheck::kForce;
    }
    if (value == "skip") {
        return FileSystemCheck::kSkip;
    }
    return fail(EINVAL, "fsck.mode=" + value + ": use auto, force or skip");
}

Result<std::chrono::seconds> seconds(const std::string &value) {
    int number = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
    if (error != std::errc() || end != value.data() + value.size() || number < 1 || number > kLongestWait) {
        return fail(EINVAL, "rd.timeout=" + value + ": use 1 to 86400 seconds");
    }
    return std::chrono::seconds(number);
}

Status apply(const std::string &word, RootOptions &options) {
    const std::size_t equals = word.find('=');
    const std::string key = word.substr(0, equals);
    const std::string value = equals == std::string::npos ? "" : word.substr(equals + 1);
    if (key == "root") {
        options.root = TRY(device(value));
    } else if (key == "rootfstype") {
        options.type = value;
    } else if (key == "rootflags") {
        options.flags = value;
    } else if (key == "init") {
        options.init = value;
    } else if (word == "ro" || word == "rw") {
        options.read_only = word == "ro";
    } else if (key == "ostree") {
        options.deployment = true;
    } else if (key == "fsck.mode") {
        options.check = TRY(check(value));
    } else if (key == "rd.timeout") {
        options.wait = TRY(seconds(value));
    }
    return {};
}

} // namespace

Result<RootOptions> parse_root_options(const std::string &command_line) {
    RootOptions options;
    for (const std::string &word : words_of(command_line)) {
        TRY(apply(word, options).within("kernel command line"));
    }
    if (options.root.empty()) {
        return fail(EINVAL, "kernel command line: there is no root=");
    }
    return options;
}

} // namespace ballast::boot
