// SPDX-License-Identifier: Apache-2.0
#include "runtime/oci/start_options.h"

#include "base/quote.h"

namespace ballast::oci {
namespace {

constexpr std::int64_t kMostPreserved = 4096;

std::function<Status(const std::string &)> store_path(std::filesystem::path &to) {
    return [&to](const std::string &value) -> Status {
        to = std::filesystem::absolute(value); // hooks run in the bundle
        return {};
    };
}

} // namespace

std::vector<Option> start_options(container::StartOptions &options) {
    return {{"pid-file", 0, "FILE", "gets the pid of the process", store_path(options.pid_file)},
            {"console-socket", 0, "SOCKET", "gets the terminal's master side", store_path(options.console_socket)},
            {"preserve-fds", 0, "N", "descriptors from 3 up that the program keeps",
             [&options](const std::string &text) -> Status {
                 const std::int64_t count = TRY(whole_number("--preserve-fds", text));
                 if (count < 0 || count > kMostPreserved) {
                     return fail(EINVAL, "--preserve-fds: want 0 to 4096, have " + quote(text));
                 }
                 options.preserve_fds = static_cast<unsigned>(count);
                 return {};
             }},
            {"no-new-keyring", 0, nullptr, "keep the caller's session keyring", store(options.new_keyring, false)}};
}

Result<std::string> only_id(const char *verb, const std::vector<std::string> &words) {
    if (words.size() != 1) {
        return fail(EINVAL,
                    std::string(verb) + ": want one container id, have " + std::to_string(words.size()) + " words");
    }
    return words.front();
}

} // namespace ballast::oci
