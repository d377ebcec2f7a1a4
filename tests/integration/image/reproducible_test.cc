// SPDX-License-Identifier: Apache-2.0
// The shipped image once more, every stage from the packages on.
#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/file_io.h"
#include "base/subprocess.h"
#include "tests/unit/check.h"

using namespace ballast;
namespace fs = std::filesystem;

TEST_CASE("a second build from the same lock and sources gives the same commit", "[image][root]") {
    const fs::path record_file = "out/images/ballast-cloud.build.json", lock = "out/images/ballast-cloud.lock";
    if (!fs::exists(record_file) || !fs::exists(lock)) {
        SKIP("out/images holds no image; make it with ./dev image");
    }
    if (!fs::exists(BALLAST_PROGRAMS "/usr")) {
        SKIP(BALLAST_PROGRAMS " holds no programs; ./dev test installs them there");
    }
    const auto record = nlohmann::json::parse(must(read_file(record_file)));
    const auto build = [&](const std::vector<std::string> &options) {
        Command command{.arguments = {BALLAST_BUILD, "image", "--commit-only", "--variant", "cloud", "--programs",
                                      BALLAST_PROGRAMS, "--locked", lock.string(), "--version",
                                      record.at("version").get<std::string>()},
                        .timeout = std::chrono::minutes(30)};
        command.arguments.insert(command.arguments.end(), options.begin(), options.end());
        const std::string output = must(run_checked(command));
        const std::size_t at = output.rfind("commit ");
        REQUIRE(at != std::string::npos);
        return output.substr(at + 7, 64);
    };
    const std::string commit = build({});
    {
        INFO("when the sources changed after out/images was made: renew it with ./dev image");
        CHECK(commit == record.at("commit").get<std::string>());
    }
    CHECK(build({"--rebuild"}) == commit);
}
