// SPDX-License-Identifier: Apache-2.0
#include "image-build/release/commands.h"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <ctime>

#include "base/file_io.h"
#include "base/json/json_cursor.h"
#include "image-build/release/history.h"
#include "image-build/release/publish.h"

namespace ballast::image_build::release {
namespace {

namespace fs = std::filesystem;

constexpr double kMebibyte = 1024.0 * 1024.0;

struct Build {
    std::string ref, commit, version;
};

// images/ballast-VARIANT.build.json, as the image build writes it.
Result<Build> read_build(const fs::path &file) {
    JsonDocument document = TRY(JsonDocument::parse(TRY(read_file(file)), file.string()));
    const JsonCursor root(document);
    Build build{
        .ref = root.need("ref").text(), .commit = root.need("commit").text(), .version = root.need("version").text()};
    TRY(document.status());
    return build;
}

void tell(const Published &published) {
    std::printf("%s %s: commit %s\n", published.notes.ref.c_str(), published.notes.version.c_str(),
                published.notes.commit.c_str());
    for (const Published::Delta &delta : published.deltas) {
        std::printf("delta from %s: %.1f MiB\n", delta.from.c_str(), static_cast<double>(delta.bytes) / kMebibyte);
    }
    for (const std::string &version : published.dropped) {
        std::printf("removed %s\n", version.c_str());
    }
}

} // namespace

struct Commands::Options {
    fs::path repository, output = "out", build, from, packages = "/var/cache/ballast/packages", home, file;
    std::string variant = "cloud", ref, commit, version, older_version, user;
    std::vector<std::string> keys;
    unsigned deltas = 3, keep = 10;
    int days = 30;
    bool older = false, resign = false, json = false;
    CLI::App *publish = nullptr, *refresh = nullptr, *changelog = nullptr, *history = nullptr, *new_key = nullptr,
             *export_key = nullptr;

    Result<SigningKeys> signing_keys() const { return SigningKeys::of(home, keys, {}); }

    Result<Build> what() const {
        if (!commit.empty()) {
            return Build{.ref = ref, .commit = commit, .version = version};
        }
        return read_build(build.empty() ? output / "images" / ("ballast-" + variant + ".build.json") : build);
    }

    Status run_publish() const {
        const Build built = TRY(what());
        tell(TRY(release::publish({.repository = repository,
                                   .from = from.empty() ? output / "repo" : from,
                                   .ref = built.ref,
                                   .commit = built.commit,
                                   .version = built.version,
                                   .keys = TRY(signing_keys()),
                                   .packages = packages,
                                   .deltas = deltas,
                                   .keep = keep,
                                   .expires = std::chrono::days(days),
                                   .older = older,
                                   .now = ::time(nullptr)})));
        return {};
    }

    Status run_changelog() const {
        const ReleaseNotes notes = TRY(compare_versions(
            {.repository = repository, .ref = ref, .from = older_version, .to = version, .packages = packages}));
        (void)std::fputs((json ? notes_json(notes) : notes_text(notes)).c_str(), stdout);
        return {};
    }

    Status run_history() const {
        const History all = TRY(History::load(repository, ref));
        if (all.empty()) {
            return fail(ENOENT, repository.string() + " has no versions of " + ref);
        }
        (void)std::fputs(all.text(ref).c_str(), stdout);
        return {};
    }

    Status run_export() const {
        const SigningKeys chosen = TRY(signing_keys());
        const std::string exported = TRY(export_public_keys(chosen.home, chosen.fingerprints));
        return replace_file(file, exported);
    }

    Status run() const {
        if (publish->parsed()) {
            return run_publish();
        }
        if (refresh->parsed()) {
            return release::refresh({.repository = repository,
                                     .keys = TRY(signing_keys()),
                                     .expires = std::chrono::days(days),
                                     .resign = resign,
                                     .now = ::time(nullptr)});
        }
        if (changelog->parsed()) {
            return run_changelog();
        }
        if (history->parsed()) {
            return run_history();
        }
        if (export_key->parsed()) {
            return run_export();
        }
        std::printf("%s\n", TRY(make_signing_key(home, user)).c_str());
        return {};
    }

    void take_repository(CLI::App &command) {
        command.add_option("--repository", repository, "the repository that machines are served from")->required();
    }
    void take_keys(CLI::App &command) {
        command.add_option("--key-home", home, "GnuPG's home directory with the signing keys")->required();
        command.add_option("--key", keys, "a key by its fingerprint; twice while machines move to a new one")
            ->allow_extra_args(false);
    }
    void take_expiry(CLI::App &command) {
        constexpr int kLongest = 3650;
        command.add_option("--expires-days", days, "after which machines refuse the summary")
            ->check(CLI::Range(1, kLongest))
            ->capture_default_str();
    }
    void add_publish(CLI::App &release);
};

void Commands::Options::add_publish(CLI::App &release) {
    constexpr unsigned kMost = 1000;
    publish = release.add_subcommand("publish", "sign a built commit and give it out to machines");
    take_repository(*publish);
    take_keys(*publish);
    take_expiry(*publish);
    publish->add_option("--output", output, "of the image build")->capture_default_str();
    publish->add_option("--variant", variant, "which image of OUTPUT")->capture_default_str();
    publish->add_option("--build", build, "the .build.json of the image, instead of OUTPUT's");
    publish->add_option("--from", from, "the repository of the build, instead of OUTPUT/repo");
    CLI::Option *own = publish->add_option("--commit", commit, "a commit of that repository instead of a build's");
    CLI::Option *own_ref = publish->add_option("--ref", ref, "where it belongs, with --commit");
    CLI::Option *own_version = publish->add_option("--version", version, "what it is called, with --commit");
    own->needs(own_ref)->needs(own_version);
    own_ref->needs(own);
    own_version->needs(own);
    publish->add_option("--packages", packages, "the Debian packages of the build, for their changelogs")
        ->capture_default_str();
    publish->add_option("--deltas", deltas, "from that many versions before")
        ->check(CLI::Range(0U, kMost))
        ->capture_default_str();
    publish->add_option("--keep", keep, "versions that stay in the repository")
        ->check(CLI::Range(1U, kMost))
        ->capture_default_str();
    publish->add_flag("--older", older, "although it is older than the newest version");
}

Commands::Commands(CLI::App &app)
    : release_(app.add_subcommand("release", "give built images out to machines")),
      options_(std::make_unique<Options>()) {
    Options &options = *options_;
    release_->require_subcommand(1);
    options.add_publish(*release_);

    options.refresh = release_->add_subcommand("refresh", "sign the summary anew before it expires");
    options.take_repository(*options.refresh);
    options.take_keys(*options.refresh);
    options.take_expiry(*options.refresh);
    options.refresh->add_flag("--resign", options.resign, "sign the commits that are there with these keys, too");

    options.changelog = release_->add_subcommand("changelog", "what a version brings beside an older one");
    options.take_repository(*options.changelog);
    options.changelog->add_option("--packages", options.packages, "the Debian packages of the build")
        ->capture_default_str();
    options.changelog->add_flag("--json", options.json, "for machines");
    options.changelog->add_option("REF", options.ref)->required();
    options.changelog->add_option("FROM", options.older_version)->required();
    options.changelog->add_option("TO", options.version)->required();

    options.history = release_->add_subcommand("history", "the versions of a channel, newest first, as JSON");
    options.take_repository(*options.history);
    options.history->add_option("REF", options.ref)->required();

    options.new_key = release_->add_subcommand("new-key", "make an ed25519 signing key and print its fingerprint");
    options.new_key->add_option("--key-home", options.home, "GnuPG's home directory")->required();
    options.new_key->add_option("USER", options.user, "whose key it is, like 'Ballast stable 2026'")->required();

    options.export_key =
        release_->add_subcommand("export-keys", "write the keys' public halves to a file, for machines to trust");
    options.take_keys(*options.export_key);
    options.export_key->add_option("FILE", options.file)->required();
}

Commands::~Commands() = default;

bool Commands::named() const { return release_->parsed(); }

Status Commands::run() const { return options_->run(); }

} // namespace ballast::image_build::release
