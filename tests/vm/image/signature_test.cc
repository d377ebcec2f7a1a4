// SPDX-License-Identifier: Apache-2.0
// The guest takes commits with our signature and no others.
#include "tests/vm/image/guest.h"

using namespace ballast;
using namespace ballast::vm;
namespace fs = std::filesystem;

namespace {

constexpr const char *kRepository = "/var/tmp/pulled";

std::string here(const fs::path &directory, std::vector<std::string> arguments) {
    return must(run_checked({.arguments = std::move(arguments), .directory = directory}));
}

// A repository with one commit on `ref`; signed with a key of its own when `sign` is set.
void make_repository(const fs::path &parent, const std::string &name, const std::string &ref, bool sign) {
    must(make_directories(parent / "tree"));
    must(write_file(parent / "tree/file", "not ours\n"));
    here(parent, {"ostree", "--repo=" + name, "init", "--mode=archive"});
    std::vector<std::string> commit{"ostree", "--repo=" + name, "commit", "--branch=" + ref, "--tree=dir=tree"};
    if (sign) {
        // Short: gpg-agent's socket lies there, and such names end at 107 bytes.
        const fs::path home = parent / "gpg";
        must(make_directories(home, 0700));
        here(parent, {"gpg", "--homedir", home.string(), "--batch", "--quiet", "--passphrase", "",
                      "--quick-generate-key", "Somebody else", "ed25519", "sign", "never"});
        const std::string keys =
            here(parent, {"gpg", "--homedir", home.string(), "--with-colons", "--list-secret-keys"});
        const std::size_t line = keys.find("\nfpr:") + 1;
        const std::size_t end = keys.find(":\n", line);
        const std::size_t start = keys.rfind(':', end - 1) + 1;
        commit.insert(commit.end(),
                      {"--gpg-homedir=" + home.string(), "--gpg-sign=" + keys.substr(start, end - start)});
    }
    here(parent, commit);
    here(parent, {"ostree", "--repo=" + name, "summary", "--update"});
}

// Commits only: a signature covers the commit, which names all else by checksum.
Completed pull(Machine &machine, const std::string &name, const std::string &url, const std::string &ref) {
    must(machine.run_checked(std::string("ostree --repo=") + kRepository + " remote add --set=gpg-verify=true " +
                             "--gpg-import=/sysroot/ostree/repo/ballast.trustedkeys.gpg " + name + " " + url));
    return must(
        machine.run(std::string("ostree --repo=") + kRepository + " pull --commit-metadata-only " + name + " " + ref));
}

} // namespace

TEST_CASE("the guest pulls what we signed, and refuses what is unsigned or another's", "[vm]") {
    const BuildRecord record = build_record();
    const std::string &ref = record.ref;
    const fs::path ours = image_options().image.parent_path().parent_path() / "repo";
    if (!fs::exists(ours / "config")) {
        SKIP(ours.string() + " is not there; make it with ./dev image");
    }
    const TemporaryDirectory others = scratch();
    make_repository(others.path(), "unsigned", ref, false);
    make_repository(others.path(), "stranger", ref, true);

    Machine machine = booted();
    must(machine.run_checked(std::string("ostree --repo=") + kRepository + " init --mode=archive"));
    const std::string from_us = must(machine.serve(ours));
    const std::string from_others = must(machine.serve(others.path()));

    const Completed signed_by_us = pull(machine, "ours", from_us, ref);
    INFO(signed_by_us.errors);
    CHECK(signed_by_us.status == 0);
    const std::string show = std::string("ostree --repo=") + kRepository + " show ours:" + ref;
    CHECK(said(machine, show).contains(record.commit));
    CHECK(said(machine, show).contains("Good signature from"));

    const Completed unsigned_commit = pull(machine, "unsigned", from_others + "/unsigned", ref);
    CHECK(unsigned_commit.status != 0);
    CHECK(unsigned_commit.errors.contains("no signatures found"));
    const Completed foreign_key = pull(machine, "stranger", from_others + "/stranger", ref);
    CHECK(foreign_key.status != 0);
    CHECK(foreign_key.errors.contains("Can't check signature: public key not found"));
    CHECK(said(machine, std::string("ostree --repo=") + kRepository + " refs --list") == "ours:" + ref);
}
