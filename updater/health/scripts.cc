// SPDX-License-Identifier: Apache-2.0
#include "updater/health/scripts.h"

#include <algorithm>
#include <fcntl.h>
#include <format>
#include <sstream>
#include <unistd.h>

#include "base/file_io.h"
#include "base/subprocess.h"

namespace ballast::updater::health {
namespace {

namespace fs = std::filesystem;

constexpr int kSignalled = 128; // as shells count: 128 + the signal's number
constexpr off_t kMostOutput = 64L << 10;

struct Script {
    fs::path file = {};
    bool executable = false;
};

Result<std::vector<Script>> scripts_of(const fs::path &directory) {
    std::vector<Script> scripts;
    std::error_code error;
    for (const auto &entry : fs::directory_iterator(directory, error)) {
        std::error_code ignored; // a link to nowhere is no file
        if (entry.path().filename().string().starts_with('.') || !entry.is_regular_file(ignored)) {
            continue;
        }
        const bool executable = ::access(entry.path().c_str(), X_OK) == 0;
        if (executable || entry.path().extension() == ".sh") {
            scripts.push_back({.file = entry.path(), .executable = executable});
        }
    }
    if (error && error.value() != ENOENT) {
        return fail_errno("read " + directory.string(), error.value());
    }
    std::ranges::sort(scripts, {}, [](const Script &script) { return script.file.filename().string(); });
    return scripts;
}

// The last lines of what a script wrote; it may have written more than anybody wants to hold.
Result<std::vector<std::string>> last_lines(const fs::path &file) {
    const Fd fd = TRY(open_file(file, O_RDONLY));
    const off_t size = ::lseek(fd.get(), 0, SEEK_END);
    if (size < 0 || ::lseek(fd.get(), std::max<off_t>(0, size - kMostOutput), SEEK_SET) < 0) {
        return fail_errno("read " + file.string());
    }
    std::istringstream stream(TRY(read_all(fd, file.string())));
    std::vector<std::string> lines;
    for (std::string line; std::getline(stream, line);) {
        lines.push_back(std::move(line));
    }
    return lines;
}

std::string ending(int status) {
    if (status == 0) {
        return "exit status 0";
    }
    return status > kSignalled ? std::format("killed by signal {}", status - kSignalled)
                               : std::format("exit status {}", status);
}

Status run_script(const Script &script, const HealthConfig &config, CheckResult &result) {
    if (!script.executable) {
        return fail(EACCES, "it is not executable: chmod +x " + script.file.string());
    }
    const TemporaryDirectory directory = TRY(TemporaryDirectory::create(fs::temp_directory_path(), "ballast-health-"));
    const fs::path output = directory.path() / "output";
    // The shell only joins both outputs, so that lines stay in the order in which they were written.
    const Result<Completed> done = run({.arguments = {"/bin/sh", "-c", "exec \"$0\" >&2", script.file.string()},
                                        .directory = "/",
                                        .log = output,
                                        .timeout = config.script_time});
    result.evidence = last_lines(output).value_or(std::vector<std::string>{}); // no output is none
    if (!done.has_value()) {
        return done.error().code == ETIMEDOUT
                   ? fail(ETIMEDOUT, std::format("killed: it took longer than {} s", config.script_time.count()))
                   : std::unexpected(done.error());
    }
    result.passed = done->status == 0;
    result.message = ending(done->status);
    return {};
}

} // namespace

std::vector<CheckResult> run_scripts(const HealthConfig &config, const Surroundings &surroundings) {
    std::vector<CheckResult> results;
    for (const bool required : {true, false}) {
        const std::string folder = required ? "required.d" : "wanted.d";
        const Result<std::vector<Script>> scripts = scripts_of(config.scripts / folder);
        if (!scripts.has_value()) {
            results.push_back({.name = folder, .required = required, .message = scripts.error().message});
            continue;
        }
        for (const Script &script : *scripts) {
            const std::chrono::milliseconds begin = surroundings.elapsed();
            CheckResult result{.name = folder + "/" + script.file.filename().string(), .required = required};
            if (const Status ran = run_script(script, config, result); !ran.has_value()) {
                result.message = ran.error().message;
            }
            result.duration = surroundings.elapsed() - begin;
            results.push_back(std::move(result));
        }
    }
    return results;
}

} // namespace ballast::updater::health
