// SPDX-License-Identifier: Apache-2.0
#include "image-build/package_set.h"

#include <algorithm>
#include <format>
#include <span>
#include <sstream>

#include "base/digest.h"
#include "base/file_io.h"
#include "base/log.h"
#include "base/quote.h"
#include "base/subprocess.h"

namespace ballast::image_build {
namespace {

constexpr std::string_view kAptConfiguration = R"(Dir::State "{0}";
Dir::State::lists "{0}/lists";
Dir::State::status "{0}/status";
Dir::Cache "{0}/cache";
Dir::Cache::archives "{1}";
Dir::Etc::sourcelist "{0}/sources.list";
Dir::Etc::sourceparts "/dev/null";
APT::Architecture "amd64";
APT::Install-Recommends "false";
APT::Sandbox::User "root";
Acquire::Languages "none";
Acquire::ForceHash "SHA256";
Acquire::Retries "3";
)";

std::string replace_all(std::string text, std::string_view from, std::string_view to) {
    for (std::size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size()) {
        text.replace(at, from.size(), to);
    }
    return text;
}

// apt's own first "E:" line, without the prefix: the rest is noise to a reader.
std::string first_apt_error(const std::string &output) {
    std::istringstream lines(output);
    for (std::string line; std::getline(lines, line);) {
        if (line.starts_with("E: ")) {
            return line.substr(3);
        }
    }
    return output;
}

Result<std::string> sources_for(const std::string &suite, const std::string &mirror) {
    if (mirror.starts_with("deb ")) {
        return mirror + "\n";
    }
    if (!mirror.empty()) {
        return std::format("deb {} {} main\n", mirror, suite);
    }
    std::string own = TRY(read_file("/etc/apt/sources.list"));
    if (own.find(" " + suite + " ") == std::string::npos) {
        return fail(EINVAL, "the build root's package sources do not hold the suite '" + suite +
                                "'; name a mirror of it in BALLAST_DEBIAN_MIRROR");
    }
    return own;
}

Result<Package> parse_uri_line(const std::string &line) {
    // 'URI' name_version_arch.deb size SHA256:digest
    std::istringstream words(line);
    std::string uri, file, size, digest;
    words >> uri >> file >> size >> digest;
    const std::size_t first = file.find('_'), second = file.rfind('_'), extension = file.rfind(".deb");
    if (first == std::string::npos || second <= first || extension == std::string::npos || extension < second ||
        !digest.starts_with("SHA256:")) {
        return fail(EPROTO, "apt printed a line that does not read: " + quote(line));
    }
    Package package;
    package.name = file.substr(0, first);
    package.version = replace_all(file.substr(first + 1, second - first - 1), "%3a", ":");
    package.architecture = file.substr(second + 1, extension - second - 1);
    package.sha256 = digest.substr(std::string_view("SHA256:").size());
    return package;
}

enum class Kept { kAbsent, kIntact, kOther };

// A file with other bytes than `sha256` says is removed: nothing must take it for the package.
Result<Kept> check_kept(const std::filesystem::path &file, const std::string &sha256) {
    if (!std::filesystem::exists(file)) {
        return Kept::kAbsent;
    }
    if (TRY(sha256_file(file)) == sha256) {
        return Kept::kIntact;
    }
    std::filesystem::remove(file);
    return Kept::kOther;
}

} // namespace

std::string Package::file_name() const {
    return std::format("{}_{}_{}.deb", name, replace_all(version, ":", "%3a"), architecture);
}

std::string PackageSet::lock_text() const {
    std::string text;
    for (const Package &package : packages) {
        text += std::format("{} {} {} {}{}\n", package.name, package.version, package.architecture, package.sha256,
                            package.boot_only ? " boot" : "");
    }
    return text;
}

Result<PackageSet> PackageSet::read_lock(const std::filesystem::path &file) {
    return parse_lock(TRY(read_file(file)), file.string());
}

Result<PackageSet> PackageSet::parse_lock(const std::string &text, const std::string &name) {
    PackageSet set;
    std::istringstream lines(text);
    int number = 0;
    for (std::string line; std::getline(lines, line);) {
        ++number;
        std::istringstream words(line);
        Package package;
        std::string mark, rest;
        words >> package.name >> package.version >> package.architecture >> package.sha256 >> mark >> rest;
        package.boot_only = mark == "boot";
        const bool hex =
            package.sha256.size() == 64 && package.sha256.find_first_not_of("0123456789abcdef") == std::string::npos;
        const bool safe = package.file_name().find('/') == std::string::npos && !package.name.starts_with('-');
        if (!hex || !safe || !rest.empty() || (!mark.empty() && !package.boot_only)) {
            return fail(EINVAL, std::format("{}:{}: want \"name version architecture sha256 [boot]\", have {}", name,
                                            number, quote(line)));
        }
        set.packages.push_back(std::move(package));
    }
    if (set.packages.empty()) {
        return fail(EINVAL, name + ": the package lock is empty");
    }
    return set;
}

Result<PackageSource> PackageSource::open(const std::filesystem::path &cache, const std::string &suite,
                                          const std::string &mirror) {
    const std::string sources = TRY(sources_for(suite, mirror));
    // Lists of different sources never mix: a cache made with a mirror does not serve a build without it.
    const std::filesystem::path state = cache / "apt" / sha256(sources).substr(0, 16);
    for (const auto &directory : {state / "lists" / "partial", state / "cache", cache / "packages" / "partial"}) {
        TRY(make_directories(directory));
    }
    TRY(write_file(state / "sources.list", sources));
    TRY(write_file(state / "status", ""));
    std::string configuration = replace_all(std::string(kAptConfiguration), "{0}", state.string());
    configuration = replace_all(configuration, "{1}", (cache / "packages").string());
    TRY(write_file(state / "apt.conf", configuration));
    return PackageSource(cache, state, suite);
}

std::map<std::string, std::string> PackageSource::environment() const {
    return {{"APT_CONFIG", (state_ / "apt.conf").string()}, {"LC_ALL", "C.UTF-8"}};
}

Status PackageSource::update(const std::filesystem::path &log, std::string &warning) {
    Command command{.arguments = {"apt-get", "update", "--error-on=any"}, .environment = environment()};
    Completed completed = TRY(run(command));
    (void)write_file(log, completed.output + completed.errors); // a lost log does not change the outcome
    if (completed.status == 0) {
        return {};
    }
    const std::string reason = first_apt_error(completed.errors);
    for (const auto &entry : std::filesystem::directory_iterator(state_ / "lists")) {
        if (entry.path().filename().string().ends_with("_Packages")) {
            warning = "the package lists could not be refreshed (" + reason + "); the cached ones are used";
            return {};
        }
    }
    return fail(ENETUNREACH, "cannot fetch Debian's package lists: " + reason +
                                 "\nis the network up? BALLAST_DEBIAN_MIRROR names another mirror");
}

Result<std::vector<Package>> PackageSource::print_uris(std::vector<std::string> arguments) const {
    // apt prints only what its cache lacks: resolve against an empty one.
    arguments.insert(arguments.begin(), {"apt-get", "-qq", "--print-uris", "-o", "Dir::Cache::archives=/nonexistent"});
    Completed completed = TRY(run({.arguments = arguments, .environment = environment()}));
    if (completed.status != 0) {
        return fail(ENOENT, first_apt_error(completed.errors));
    }
    std::vector<Package> packages;
    std::istringstream lines(completed.output);
    for (std::string line; std::getline(lines, line);) {
        if (line.starts_with('\'')) {
            packages.push_back(TRY(parse_uri_line(line)));
        }
    }
    return packages;
}

Result<PackageSet> PackageSource::resolve(const Manifest &manifest) const {
    std::vector<std::string> install{"install", "--yes",
                                     std::format("?narrow(?codename(^{}$),?architecture(amd64),?essential)", suite_)};
    install.insert(install.end(), manifest.packages.begin(), manifest.packages.end());
    PackageSet set{TRY(print_uris(std::move(install)).within("os/manifest.yaml: packages"))};

    if (!manifest.boot_packages.empty()) {
        std::vector<std::string> download{"download"};
        download.insert(download.end(), manifest.boot_packages.begin(), manifest.boot_packages.end());
        for (Package &package : TRY(print_uris(std::move(download)).within("os/manifest.yaml: boot_packages"))) {
            package.boot_only = true;
            set.packages.push_back(std::move(package));
        }
    }
    std::ranges::sort(set.packages, {}, [](const Package &p) { return std::pair(p.name, p.boot_only); });
    return set;
}

Result<std::vector<Package>> PackageSource::missing(const PackageSet &set) const {
    std::vector<Package> list;
    for (const Package &package : set.packages) {
        const Kept kept = TRY(check_kept(file_of(package), package.sha256));
        if (kept == Kept::kOther) {
            log::warning("cached package " + file_of(package).string() + " is damaged: it is fetched again");
        }
        if (kept != Kept::kIntact) {
            list.push_back(package);
        }
    }
    return list;
}

Status PackageSource::fetch(const PackageSet &set, Stage &stage) const {
    const std::vector<Package> wanted = TRY(missing(set));
    return wanted.empty() ? Status{} : download(wanted, stage);
}

Status PackageSource::download(const std::vector<Package> &wanted, Stage &stage) const {
    // One call a batch: a version that the source no longer has must not keep the others from coming.
    constexpr std::size_t kBatch = 24;
    std::string lost;
    for (std::size_t at = 0; at < wanted.size(); at += kBatch) {
        stage.progress(at, wanted.size());
        const auto batch = std::span(wanted).subspan(at, std::min(kBatch, wanted.size() - at));
        Command command{.arguments = {"apt-get", "-qq", "download"},
                        .environment = environment(),
                        .directory = directory(),
                        .log = stage.log()};
        for (const Package &package : batch) {
            command.arguments.push_back(std::format("{}:{}={}", package.name,
                                                    package.architecture == "all" ? "amd64" : package.architecture,
                                                    package.version));
        }
        if (Completed whole = TRY(run(command)); whole.status != 0) {
            for (const Package &package : batch) {
                command.arguments.resize(3);
                command.arguments.push_back(package.name + "=" + package.version);
                (void)run(command); // judged by the file's presence below
            }
        }
        for (const Package &package : batch) {
            const Kept kept = TRY(check_kept(file_of(package), package.sha256));
            if (kept != Kept::kIntact) {
                lost += std::format("\n  {} {} {}{}", package.name, package.version, package.architecture,
                                    kept == Kept::kOther ? ": the source has other bytes than the lock says" : "");
            }
        }
    }
    if (!lost.empty()) {
        return fail(ENOENT, "these packages are neither in the cache nor in the package source:" + lost +
                                "\nname a snapshot mirror that still has them in BALLAST_DEBIAN_MIRROR");
    }
    return {};
}

} // namespace ballast::image_build
