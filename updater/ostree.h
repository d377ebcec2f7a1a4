// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

// Deployments and repositories, by libostree. The one place of the updater that includes it.
namespace ballast::updater {

struct CommitInfo {
    std::string checksum, version;
    std::uint64_t timestamp = 0; // seconds since the epoch, signed with the commit
    bool operator==(const CommitInfo &) const = default;
};

struct Deployment {
    CommitInfo commit;
    int serial = 0;
    std::string refspec; // "ballast:REF" or a checksum: what it follows
    bool booted = false, staged = false, pinned = false;
    std::vector<std::string> kernel_arguments;
    std::filesystem::path directory; // absolute

    // "CHECKSUM.SERIAL", as in the boot loader's ids.
    std::string name() const { return commit.checksum + "." + std::to_string(serial); }
};

// Where commits come from, and whom they must be signed by. Without keys here, those of the repository
// (ballast.trustedkeys.gpg) count alone.
struct Source {
    std::vector<std::string> urls; // in the order in which they are asked
    std::string proxy;
    std::filesystem::path authorities, certificate, key; // PEM; empty: the system's, none
    std::vector<std::filesystem::path> keyrings;         // files and directories, beside the repository's
};

// A commit that a source has, its signature verified.
struct Offer {
    CommitInfo commit;
    std::string refspec;              // what a deployment of it follows
    std::string url;                  // who has it
    std::uint64_t expires = 0;        // of the source's signed summary; 0: it names no time
    std::uint64_t download_bytes = 0; // of objects that are not here, without static deltas
    std::uint64_t disk_bytes = 0;     // that they take here
    std::uint64_t objects = 0;
    std::uint64_t boot_bytes = 0; // of kernel and initramfs; 0: the commit does not say
};

struct PullProgress {
    std::uint64_t bytes = 0, total_bytes = 0; // received; total is an upper bound
    std::uint64_t objects = 0, total_objects = 0;
    std::uint64_t rate = 0; // bytes a second, since the beginning
};

struct KernelArgumentChanges {
    std::vector<std::string> append;  // "KEY" or "KEY=VALUE"
    std::vector<std::string> remove;  // likewise; EINVAL when it is not there
    std::vector<std::string> replace; // "KEY=NEW", or "KEY=OLD=NEW" where KEY is there twice
    bool empty() const { return append.empty() && remove.empty() && replace.empty(); }
};

struct Deploying {
    std::string checksum;
    std::string refspec;
    KernelArgumentChanges kernel_arguments = {};
};

class Sysroot {
  public:
    struct Places {
        std::filesystem::path sysroot = "/";
        std::filesystem::path run = "/run/ballast-updater"; // generated configuration of the remote; made when missing
        std::string stateroot = "ballast";                  // when nothing is booted
    };

    // Every call of a member looks at the disk anew.
    static Result<Sysroot> open(const Places &places);
    Sysroot(Sysroot &&) noexcept;
    ~Sysroot();

    // In boot order: what the next restart takes comes first.
    Result<std::vector<Deployment>> deployments();

    // What `target` is: a ref ("ballast/stable/x86_64/cloud") or a commit's checksum. Asks one URL after the other.
    // EKEYREJECTED for a wrong signature, ESTALE for a summary that has expired at `now`, ENOENT when the ref or commit
    // is not there; the last URL's error counts, the others stand in the message.
    Result<Offer> look(const Source &source, const std::string &target, std::int64_t now, std::stop_token stop = {});

    // Fetches all that the offered commit needs; what an earlier call has fetched is not fetched again.
    // ENOSPC; EMSGSIZE when the server sends far more than the signed sizes allow; ECANCELED.
    Status pull(const Source &source, const Offer &offer, const std::function<void(const PullProgress &)> &watch,
                std::stop_token stop = {});

    // Prepares a deployment of a commit that is here whole; the machine's next restart takes it. On a running system it
    // is staged: /etc is merged and the boot entries switch at shutdown. EBUSY when somebody else changes deployments.
    Status deploy(const Deploying &deploying);

    // `name` is a Deployment's. ENOENT when there is none.
    Status pin(const std::string &name, bool pinned);
    // What the next restart takes, by its place in front. Drops what is staged.
    Status make_first(const std::string &name);
    // EBUSY for what runs or is pinned.
    Status remove(const std::string &name);
    // Removes what no deployment needs: objects, kernels, leftovers of failed attempts.
    Status clean_up();

  private:
    struct Data;
    explicit Sysroot(std::unique_ptr<Data> data);
    std::unique_ptr<Data> data_;
};

// 64 lower-case hexadecimal digits.
inline bool is_checksum(std::string_view text) {
    constexpr std::size_t kDigits = 64;
    return text.size() == kDigits && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

} // namespace ballast::updater
