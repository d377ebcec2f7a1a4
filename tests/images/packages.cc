// SPDX-License-Identifier: Apache-2.0
#include "tests/images/packages.h"

#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "base/digest.h"
#include "base/file_io.h"
#include "base/subprocess.h"

namespace ballast::images {
namespace {

using std::filesystem::path;

// The first line in which apt says what went wrong ("E: …", or "W: …" when there is none).
std::string complaint(const std::string &errors) {
    std::string warning;
    std::istringstream lines(errors);
    for (std::string line; std::getline(lines, line);) {
        if (line.starts_with("E: ")) {
            return line.substr(3);
        }
        if (warning.empty() && line.starts_with("W: ")) {
            warning = line.substr(3);
        }
    }
    return warning;
}

std::vector<std::string> architectures_of(const std::vector<PackageName> &packages) {
    std::set<std::string> architectures;
    for (const PackageName &package : packages) {
        architectures.insert(package.architecture);
    }
    return {architectures.begin(), architectures.end()};
}

} // namespace

std::vector<PackageName> wanted_packages(const std::vector<ImageSpec> &images) {
    std::set<PackageName> wanted;
    for (const ImageSpec &image : images) {
        for (const std::vector<EntrySpec> &layer : image.layers) {
            for (const EntrySpec &entry : layer) {
                const auto *origin = std::get_if<FromPackage>(&entry.origin);
                for (const Platform &platform : image.platforms) {
                    if (origin != nullptr) {
                        wanted.insert({origin->package, debian_architecture(platform)});
                    }
                }
            }
        }
    }
    return {wanted.begin(), wanted.end()};
}

std::vector<std::string> apt_command(const path &state, const std::vector<std::string> &architectures,
                                     const std::vector<std::string> &arguments) {
    std::string list;
    for (const std::string &architecture : architectures) {
        list += (list.empty() ? "" : ",") + architecture;
    }
    std::vector<std::string> command{"apt-get", "--quiet=2"};
    for (const std::string &option :
         {"Dir::State=" + state.string(), "Dir::State::status=" + (state / "status").string(),
          "Dir::Cache=" + state.string(), "APT::Architectures=" + list, std::string("Acquire::Languages=none"),
          std::string("Acquire::GzipIndexes=true"), std::string("Dir::Cache::srcpkgcache="),
          // Another user could not read a cache that is root's alone, and calls the indexes unsigned then.
          std::string("APT::Sandbox::User=root")}) {
        command.insert(command.end(), {"-o", option});
    }
    command.insert(command.end(), arguments.begin(), arguments.end());
    return command;
}

Result<Announced> parse_announcement(const std::string &line) {
    std::istringstream words(line);
    std::string uri;
    std::string size;
    std::string digest;
    Announced announced;
    words >> uri >> announced.file >> size >> digest;
    constexpr std::string_view kind = "SHA256:";
    if (!digest.starts_with(kind) || announced.file.find('/') != std::string::npos) {
        return fail(EINVAL, "apt-get printed \"" + line + "\" instead of a package's place and its SHA-256");
    }
    announced.sha256 = digest.substr(kind.size());
    return announced;
}

Result<PackageCache> PackageCache::open(const path &directory) {
    const std::string context = "package cache " + directory.string();
    std::error_code error;
    const path absolute = std::filesystem::absolute(directory, error);
    TRY(make_directories(absolute / "apt/lists/partial").within(context));
    TRY(make_directories(absolute / "apt/archives/partial").within(context));
    return PackageCache(absolute);
}

Status PackageCache::load() {
    std::error_code error;
    const path file = directory_ / "packages.json";
    held_.clear();
    if (!std::filesystem::exists(file, error)) {
        return {};
    }
    try {
        for (const auto &item : nlohmann::json::parse(TRY(read_file(file)))) {
            const auto text = [&item](const char *key) { return item.at(key).get<std::string>(); };
            held_[{text("name"), text("architecture")}] = {text("file"), text("sha256")};
        }
    } catch (const nlohmann::json::exception &failure) {
        return fail(EINVAL, file.string() + " is damaged (" + failure.what() + "); remove it to fetch again");
    }
    return {};
}

Status PackageCache::save() const {
    nlohmann::json list = nlohmann::json::array();
    for (const auto &[package, announced] : held_) {
        list.push_back({{"name", package.name},
                        {"architecture", package.architecture},
                        {"file", announced.file},
                        {"sha256", announced.sha256}});
    }
    return replace_file(directory_ / "packages.json", list.dump(2) + "\n");
}

// From the directory into memory, when it is there and what was downloaded.
Status PackageCache::take(const PackageName &package) {
    const auto held = held_.find(package);
    if (held == held_.end()) {
        return fail(ENOENT, package.describe() + " is not in the package cache");
    }
    const path file = directory_ / held->second.file;
    std::string bytes = TRY(read_file(file));
    if (sha256(bytes) != held->second.sha256) {
        return fail(EIO, file.string() + " does not have the SHA-256 of Debian's signed index");
    }
    contents_[package] = std::move(bytes);
    return {};
}

Result<std::string> PackageCache::fetch(const std::vector<PackageName> &packages, bool refresh) {
    const FileLock lock = TRY(FileLock::acquire(directory_ / "lock").within("package cache " + directory_.string()));
    TRY(load().within("package cache " + directory_.string()));
    std::vector<PackageName> missing;
    for (const PackageName &package : packages) {
        if (!take(package).has_value() || refresh) {
            missing.push_back(package);
        }
    }
    if (missing.empty()) {
        return std::string();
    }
    const std::vector<std::string> architectures = architectures_of(packages);
    // Indexes that cannot be refreshed are no error in themselves: apt uses none that it has not verified, and the
    // packages may be in those that it has.
    TRY(write_file(directory_ / "apt/status", "")); // nothing is installed, as far as this apt is concerned
    Command apt;
    apt.arguments = apt_command(directory_ / "apt", architectures, {"update"});
    const Completed update = TRY(run(apt));
    const std::string reason = complaint(update.errors);
    std::string warning = reason.empty() ? "" : "some package indexes could not be refreshed: " + reason;
    for (const PackageName &package : missing) {
        const Status got = download(package, architectures);
        if (got.has_value()) {
            continue;
        }
        if (contents_.contains(package)) { // an older copy is at hand, and a refresh is a wish
            warning = package.describe() + " was not refreshed: " + got.error().message;
            continue;
        }
        return fail(ENOENT, "fetch " + package.describe() + ": " + got.error().message +
                                (reason.empty() ? "" : " (" + reason + ")") + "; " + directory_.string() +
                                " holds no copy of it: connect to the network, or use a cache that was filled before");
    }
    return warning;
}

Status PackageCache::download(const PackageName &package, const std::vector<std::string> &architectures) {
    const auto apt = [&](const std::vector<std::string> &arguments) -> Result<std::string> {
        Command command;
        command.arguments = apt_command(directory_ / "apt", architectures, arguments);
        command.directory = directory_ / "apt/archives";
        const Completed done = TRY(run(command));
        if (done.status != 0) {
            return fail(EIO, "apt-get download: " + complaint(done.errors));
        }
        return done.output;
    };
    // A file that lies there already makes apt print nothing.
    TRY(remove_tree(directory_ / "apt/archives"));
    TRY(make_directories(directory_ / "apt/archives/partial"));
    std::string line = TRY(apt({"download", "--print-uris", package.describe()}));
    line.erase(line.find_last_not_of('\n') + 1);
    const Announced announced = TRY(parse_announcement(line));
    TRY(apt({"download", package.describe()}));
    const path file = directory_ / "apt/archives" / announced.file;
    std::error_code error;
    std::filesystem::rename(file, directory_ / announced.file, error);
    if (error) {
        return fail_errno("keep " + announced.file, error.value());
    }
    if (const auto old = held_.find(package); old != held_.end() && old->second.file != announced.file) {
        TRY(remove_tree(directory_ / old->second.file));
    }
    held_[package] = announced;
    TRY(take(package));
    return save();
}

Result<std::string> PackageCache::read(const PackageName &package) const {
    const auto content = contents_.find(package);
    if (content == contents_.end()) {
        return fail(ENOENT, package.describe() + " was not fetched");
    }
    return content->second;
}

} // namespace ballast::images
