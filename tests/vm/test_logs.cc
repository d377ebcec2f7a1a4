// SPDX-License-Identifier: Apache-2.0
#include "tests/vm/test_logs.h"

#include <catch2/catch_test_case_info.hpp>
#include <catch2/reporters/catch_reporter_event_listener.hpp>
#include <catch2/reporters/catch_reporter_registrars.hpp>
#include <cctype>
#include <iostream>
#include <string>

#include "base/file_io.h"

namespace ballast::vm {
namespace {

std::filesystem::path &current() {
    static std::filesystem::path directory;
    return directory;
}

std::filesystem::path directory_of(const std::string &test) {
    std::string name;
    for (const char c : test) {
        name += std::isalnum(static_cast<unsigned char>(c)) != 0 ? c : '-';
    }
    return std::filesystem::absolute("out/vm-logs") / name;
}

class KeepFailedLogs : public Catch::EventListenerBase {
  public:
    using EventListenerBase::EventListenerBase;
    void testCaseStarting(const Catch::TestCaseInfo &test) override {
        current() = directory_of(test.name);
        (void)remove_tree(current()); // of the run before
    }
    void testCaseEnded(const Catch::TestCaseStats &stats) override {
        if (stats.totals.assertions.allOk() && stats.totals.testCases.failed == 0) {
            (void)remove_tree(current()); // at worst logs of a passed test stay
        } else if (std::filesystem::exists(current())) {
            std::cerr << "logs of the test's machines: " << current().string() << "\n";
        }
    }
};

CATCH_REGISTER_LISTENER(KeepFailedLogs)

} // namespace

std::filesystem::path test_log_directory() { return current(); }

} // namespace ballast::vm
