// SPDX-License-Identifier: Apache-2.0
#include "tests/integration/release/channel.h"

#include <format>

namespace ballast::release_tests {

namespace fs = std::filesystem;

namespace {

constexpr long long kDay = 86'400;
constexpr const char *kDigest = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

} // namespace

Channel::Channel() : directory_(scratch()) {
    must(make_directories(packages()));
    (void)ostree({"--repo=" + built().string(), "init", "--mode=archive"});
}

std::string Channel::ostree(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), "ostree");
    std::string output = must(ballast::run_checked({.arguments = std::move(arguments)}));
    output.erase(output.find_last_not_of('\n') + 1);
    return output;
}

std::string Channel::build(const std::string &version, const std::map<std::string, std::string> &files,
                           const std::string &lock) {
    const fs::path tree = directory() / "tree";
    must(remove_tree(tree));
    must(make_directories(tree / "usr/share/ballast"));
    must(write_file(tree / "usr/share/ballast/packages.lock",
                    lock.empty() ? std::string("tiny 1 all ") + kDigest + "\n" : lock));
    for (const auto &[name, content] : files) {
        must(make_directories((tree / name).parent_path()));
        must(write_file(tree / name, content));
    }
    time_ += kDay;
    return ostree({"--repo=" + built().string(), "commit", "--orphan", "--subject=" + version,
                   std::format("--timestamp=@{}", time_), "--add-metadata-string=version=" + version,
                   std::string("--bind-ref=") + kRef, "--tree=dir=" + tree.string()});
}

std::string Channel::make_key(const std::string &user) {
    std::string key = run_checked({"new-key", "--key-home", home().string(), user});
    key.erase(key.find_last_not_of('\n') + 1);
    return key;
}

std::string Channel::make_package(const std::string &name, const std::string &version, const std::string &changelog) {
    const fs::path tree = directory() / "package";
    must(remove_tree(tree));
    must(make_directories(tree / "DEBIAN"));
    must(make_directories(tree / "usr/share/doc" / name));
    must(write_file(tree / "DEBIAN/control",
                    "Package: " + name + "\nVersion: " + version +
                        "\nArchitecture: all\nMaintainer: x <x@example.org>\nDescription: x\n"));
    const fs::path file = tree / "usr/share/doc" / name / "changelog.Debian";
    must(write_file(file, changelog));
    (void)must(ballast::run_checked({.arguments = {"gzip", "-9n", file.string()}}));
    (void)must(ballast::run_checked({.arguments = {"dpkg-deb", "--build", "--root-owner-group", tree.string(),
                                                   (packages() / (name + "_" + version + "_all.deb")).string()}}));
    return name + " " + version + " all " + kDigest + "\n";
}

Completed Channel::run(std::vector<std::string> words) const {
    words.insert(words.begin(), {BALLAST_BUILD, "release"});
    return must(ballast::run({.arguments = std::move(words)}));
}

std::string Channel::run_checked(std::vector<std::string> words) const {
    words.insert(words.begin(), {BALLAST_BUILD, "release"});
    return must(ballast::run_checked({.arguments = std::move(words)}));
}

std::vector<std::string> Channel::publish(const std::string &commit, const std::string &version,
                                          const std::vector<std::string> &keys) const {
    std::vector<std::string> words{"publish",  "--repository", served().string(), "--from",     built().string(),
                                   "--commit", commit,         "--ref",           kRef,         "--version",
                                   version,    "--key-home",   home().string(),   "--packages", packages().string()};
    for (const std::string &key : keys) {
        words.insert(words.end(), {"--key", key});
    }
    return words;
}

fs::path Channel::make_machine(const std::string &name, const std::vector<std::string> &keys,
                               const std::string &url) const {
    const fs::path machine = directory() / name;
    (void)ostree({"--repo=" + machine.string(), "init", "--mode=bare-user-only"});
    std::vector<std::string> words{"export-keys", "--key-home", home().string()};
    for (const std::string &key : keys) {
        words.insert(words.end(), {"--key", key});
    }
    const fs::path trusted = directory() / (name + ".gpg");
    words.push_back(trusted.string());
    (void)run_checked(words);
    (void)ostree({"--repo=" + machine.string(), "remote", "add", "--set=gpg-verify=true",
                  "--set=gpg-verify-summary=true", "--gpg-import=" + trusted.string(), "ballast",
                  url.empty() ? "file://" + served().string() : url});
    return machine;
}

Completed Channel::pull(const fs::path &machine, std::vector<std::string> options) const {
    std::vector<std::string> arguments{"ostree", "--repo=" + machine.string(), "pull"};
    arguments.insert(arguments.end(), options.begin(), options.end());
    arguments.insert(arguments.end(), {"ballast", kRef});
    return must(ballast::run({.arguments = std::move(arguments)}));
}

std::string Channel::releases(const std::string &file) const {
    return must(read_file(served() / "releases" / kRef / file));
}

bool Channel::has_commit(const std::string &commit) const {
    return fs::exists(served() / "objects" / commit.substr(0, 2) / (commit.substr(2) + ".commit"));
}

} // namespace ballast::release_tests
