// SPDX-License-Identifier: Apache-2.0
#include "updater/support/bundle.h"

#include <cstdio>
#include <fcntl.h>
#include <format>
#include <glob.h>
#include <memory>
#include <nlohmann/json.hpp>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file_io.h"
#include "base/subprocess.h"
#include "updater/support/scrub.h"

namespace ballast::updater::support {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr const char *kTop = "ballast-support";
constexpr mode_t kPrivateFile = 0600;
constexpr std::chrono::seconds kPatience{60};
constexpr std::chrono::minutes kPackingTime{10};
constexpr std::size_t kMostOutput = 32UL << 20U; // of one program
constexpr std::uint64_t kLargestFile = 1UL << 20U;

// What was found for one file of the bundle.
struct Found {
    std::string name, source;
    Result<std::string> content;
};

std::string joined(const std::vector<std::string> &words) {
    std::string text;
    for (const std::string &word : words) {
        text += (text.empty() ? "" : " ") + word;
    }
    return text;
}

// A program that fails says why itself; that is in the bundle, too.
Result<std::string> printed_by(const std::vector<std::string> &arguments) {
    const Completed completed = TRY(run({.arguments = arguments, .timeout = kPatience, .most_output = kMostOutput}));
    std::string text = completed.output + completed.errors;
    if (completed.status != 0) {
        text += std::format("\nexit status {}\n", completed.status);
    }
    return text;
}

// What stands in a directory of the operator's may be a pipe that nobody writes to.
Result<std::string> content_of(const fs::path &file) {
    const Fd fd = TRY(open_file(file, O_RDONLY | O_NONBLOCK));
    struct stat facts{};
    if (fstat(fd.get(), &facts) != 0) {
        return fail_errno("look at " + file.string());
    }
    if (!S_ISREG(facts.st_mode)) {
        return fail(EINVAL, file.string() + ": not a regular file");
    }
    return read_all(fd, file.string(), kLargestFile);
}

std::vector<Found> matched_by(const Part &part) {
    glob_t matches{};
    const int status = glob(part.source.front().c_str(), 0, nullptr, &matches);
    const std::unique_ptr<glob_t, void (*)(glob_t *)> owner(&matches, globfree);
    std::vector<Found> list;
    for (std::size_t i = 0; status == 0 && i < matches.gl_pathc; i++) {
        const std::string file = matches.gl_pathv[i];
        list.push_back({part.name + file, file, content_of(file)});
    }
    return list; // that nothing matches is no news
}

std::vector<Found> look_for(const Part &part, const AskEngine &engine) {
    if (part.kind == Kind::kFiles) {
        return matched_by(part);
    }
    const bool asks = part.kind == Kind::kEngine;
    Result<std::string> content = asks ? engine(part.source.front()) : printed_by(part.source);
    return {{part.name, asks ? "GET " + part.source.front() : joined(part.source), std::move(content)}};
}

Status keep(const fs::path &directory, const Found &found, Json &contents, Bundle &bundle) {
    Json entry{{"name", found.name}, {"source", found.source}};
    if (!found.content.has_value()) {
        entry["missing"] = found.content.error().message;
        bundle.missing.push_back(found.name + ": " + found.content.error().message);
    } else {
        const fs::path file = directory / found.name;
        TRY(make_directories(file.parent_path(), 0700));
        TRY(write_file(file, scrubbed(*found.content), kPrivateFile));
    }
    contents.push_back(std::move(entry));
    return {};
}

Status pack(const fs::path &directory, const fs::path &archive) {
    (void)TRY(run_checked(
        {.arguments = {"tar", "--create", "--zstd", "--sort=name", "--owner=0", "--group=0", "--numeric-owner",
                       "--file=" + archive.string(), "--directory=" + directory.string(), kTop},
         .timeout = kPackingTime}));
    const Fd fd = TRY(open_file(archive, O_RDONLY));
    if (fchmod(fd.get(), kPrivateFile) != 0 || fsync(fd.get()) != 0) {
        return fail_errno("finish " + archive.string());
    }
    return {};
}

} // namespace

Result<Bundle> write_bundle(const std::vector<Part> &parts, const AskEngine &engine, const fs::path &output) {
    const fs::path parent = output.has_parent_path() ? output.parent_path() : ".";
    std::error_code error;
    if (fs::exists(fs::symlink_status(output, error))) {
        return fail(EEXIST, output.string() + " is there already");
    }
    const TemporaryDirectory scratch = TRY(TemporaryDirectory::create(parent, ".ballast-support-"));
    const fs::path top = scratch.path() / kTop;
    TRY(make_directories(top, 0700));
    Bundle bundle;
    Json contents = Json::array();
    for (const Part &part : parts) {
        for (const Found &found : look_for(part, engine)) {
            TRY(keep(top, found, contents, bundle));
        }
    }
    const std::string list = contents.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
    TRY(write_file(top / "contents.json", list, kPrivateFile));
    const fs::path archive = scratch.path() / "bundle";
    TRY(pack(scratch.path(), archive).within("pack"));
    bundle.size = fs::file_size(archive, error);
    if (renameat2(AT_FDCWD, archive.c_str(), AT_FDCWD, output.c_str(), RENAME_NOREPLACE) != 0) {
        return fail_errno("make " + output.string());
    }
    TRY(sync_directory(parent));
    return bundle;
}

} // namespace ballast::updater::support
