// SPDX-License-Identifier: Apache-2.0
// Commits from repositories elsewhere: what there is, and getting it here.
#include <algorithm>
#include <chrono>
#include <csignal>
#include <sys/resource.h>

#include "updater/ostree_sysroot.h"
#include "updater/remote_file.h"

namespace ballast::updater {
namespace {

using namespace glib;

constexpr std::uint64_t kBlock = 4096;
constexpr std::uint64_t kSpareBytes = 64ULL << 20; // that a server may send beyond the signed sizes: headers, deltas
// After so many seconds of less than a kilobyte each, a transfer has failed. A pull that is stopped ends when all that
// it waits for has come or failed: libostree cannot end a transfer before.
constexpr guint32 kStalled = 15;
constexpr guint32 kRetries = 2; // of a transfer; what came is kept for the next attempt

std::uint64_t metadata_number(GVariant *metadata, const char *key) {
    std::uint64_t number = 0;
    gint64 whole = 0;
    if (g_variant_lookup(metadata, key, "t", &number)) {
        return number;
    }
    return g_variant_lookup(metadata, key, "x", &whole) && whole > 0 ? static_cast<std::uint64_t>(whole) : 0;
}

// libostree's own loop runs in the calling thread; progress and cancelling reach it there.
class OwnContext {
  public:
    OwnContext() : context_(g_main_context_new()) { g_main_context_push_thread_default(context_); }
    OwnContext(const OwnContext &) = delete;
    OwnContext &operator=(const OwnContext &) = delete;
    ~OwnContext() {
        g_main_context_pop_thread_default(context_);
        g_main_context_unref(context_);
    }

  private:
    GMainContext *context_;
};

class Cancelling {
  public:
    explicit Cancelling(const std::stop_token &stop)
        : cancellable_(g_cancellable_new()), callback_(stop, [this] { g_cancellable_cancel(cancellable_.get()); }) {}
    GCancellable *get() { return cancellable_.get(); }

  private:
    Object<GCancellable> cancellable_;
    std::stop_callback<std::function<void()>> callback_;
};

// That a server may send for an offer.
std::uint64_t most_bytes(const Offer &offer) {
    return 2 * std::max(offer.download_bytes, offer.disk_bytes) + kSpareBytes;
}

// What libostree has begun to transfer it writes until it ends, whoever cancels: from this size on the kernel refuses
// it. It counts for the whole process, whose other files are small.
class FileSizeLimit {
  public:
    explicit FileSizeLimit(std::uint64_t bytes) : action_(std::signal(SIGXFSZ, [](int) { was_hit_ = 1; })) {
        was_hit_ = 0;
        (void)::getrlimit(RLIMIT_FSIZE, &before_); // cannot fail
        rlimit limit = before_;
        limit.rlim_cur = std::min<rlim_t>(limit.rlim_cur, bytes);
        (void)::setrlimit(RLIMIT_FSIZE, &limit); // down is always allowed
    }
    FileSizeLimit(const FileSizeLimit &) = delete;
    FileSizeLimit &operator=(const FileSizeLimit &) = delete;
    ~FileSizeLimit() {
        (void)::setrlimit(RLIMIT_FSIZE, &before_);
        (void)std::signal(SIGXFSZ, action_);
    }

    static bool was_hit() { return was_hit_ != 0; }

  private:
    static inline volatile std::sig_atomic_t was_hit_ = 0;
    rlimit before_{};
    void (*action_)(int);
};

struct Watched {
    const std::function<void(const PullProgress &)> &watch;
    const Offer &offer;
    GCancellable *cancellable;
    std::chrono::steady_clock::time_point begun = std::chrono::steady_clock::now();
    bool too_much = false;
};

void on_progress(OstreeAsyncProgress *progress, gpointer data) {
    Watched &watched = *static_cast<Watched *>(data);
    PullProgress now{.bytes = ostree_async_progress_get_uint64(progress, "bytes-transferred"),
                     .total_bytes = watched.offer.download_bytes,
                     .objects = ostree_async_progress_get_uint(progress, "fetched"),
                     .total_objects = watched.offer.objects};
    if (ostree_async_progress_get_uint(progress, "total-delta-parts") > 0) {
        now.total_bytes = ostree_async_progress_get_uint64(progress, "total-delta-part-size");
    }
    using Seconds = std::chrono::duration<double>;
    const double seconds = Seconds(std::chrono::steady_clock::now() - watched.begun).count();
    now.rate = seconds > 0 ? static_cast<std::uint64_t>(static_cast<double>(now.bytes) / seconds) : 0;
    if (now.bytes > most_bytes(watched.offer)) {
        watched.too_much = true;
        g_cancellable_cancel(watched.cancellable);
    }
    if (watched.watch) {
        watched.watch(now);
    }
}

struct Found {
    std::string checksum;
    std::uint64_t expires = 0;
};

// What the signed summary says of the ref. OSTree's format is (a(s(taya{sv}))a{sv}).
Result<Found> find_in_summary(GBytes *bytes, const std::string &target) {
    const Variant summary(
        g_variant_ref_sink(g_variant_new_from_bytes(G_VARIANT_TYPE(OSTREE_SUMMARY_GVARIANT_STRING), bytes, FALSE)));
    const Variant refs(g_variant_get_child_value(summary.get(), 0));
    const Variant metadata(g_variant_get_child_value(summary.get(), 1));
    Found found{.checksum = is_checksum(target) ? target : "",
                .expires = metadata_number(metadata.get(), "ballast.expires")};
    for (gsize index = 0; found.checksum.empty() && index < g_variant_n_children(refs.get()); index++) {
        const Variant entry(g_variant_get_child_value(refs.get(), index));
        const char *name = nullptr;
        GVariant *raw = nullptr;
        g_variant_get(entry.get(), "(&s(t@ay@a{sv}))", &name, nullptr, &raw, nullptr);
        const Variant checksum(raw);
        if (target == name && ostree_validate_structureof_csum_v(checksum.get(), nullptr)) {
            found.checksum = Text(ostree_checksum_from_bytes_v(checksum.get())).get();
        }
    }
    if (found.checksum.empty()) {
        return fail(ENOENT, "there is no " + target);
    }
    return found;
}

// The options of a pull of one commit from one URL.
Variant pull_options(const Offer &offer, OstreeRepoPullFlags flags) {
    GVariantDict options;
    g_variant_dict_init(&options, nullptr);
    const bool by_ref = flags == OSTREE_REPO_PULL_FLAGS_NONE && !is_checksum(offer.refspec);
    const std::string ref = by_ref ? offer.refspec.substr(offer.refspec.find(':') + 1) : offer.commit.checksum;
    const char *refs[] = {ref.c_str(), nullptr};
    const char *commits[] = {offer.commit.checksum.c_str(), nullptr};
    g_variant_dict_insert_value(&options, "refs", g_variant_new_strv(refs, 1));
    if (by_ref) {
        g_variant_dict_insert_value(&options, "override-commit-ids", g_variant_new_strv(commits, 1));
    }
    g_variant_dict_insert(&options, "override-url", "s", offer.url.c_str());
    g_variant_dict_insert(&options, "flags", "i", static_cast<gint32>(flags));
    g_variant_dict_insert(&options, "low-speed-time-seconds", "u", kStalled);
    g_variant_dict_insert(&options, "n-network-retries", "u", kRetries);
    g_variant_dict_insert(&options, "gpg-verify", "b", TRUE);
    g_variant_dict_insert(&options, "gpg-verify-summary", "b", TRUE);
    return Variant(g_variant_ref_sink(g_variant_dict_end(&options)));
}

// Bytes and objects of the commit that are not here, by the sizes in its signed metadata.
Status count_missing(OstreeRepo *repo, GVariant *commit, Offer &offer) {
    GError *error = nullptr;
    GPtrArray *raw = nullptr;
    if (!ostree_commit_get_object_sizes(commit, &raw, &error)) {
        return failed("commit " + offer.commit.checksum + " does not say how large it is", error);
    }
    const Array sizes(raw);
    for (guint index = 0; index < sizes->len; index++) {
        const auto *entry = static_cast<const OstreeCommitSizesEntry *>(g_ptr_array_index(sizes.get(), index));
        gboolean here = FALSE;
        if (!ostree_repo_has_object(repo, entry->objtype, entry->checksum, &here, nullptr, &error)) {
            return failed("look for object " + std::string(entry->checksum), error);
        }
        if (!here) {
            offer.objects++;
            offer.download_bytes += entry->archived;
            offer.disk_bytes += (entry->unpacked + kBlock - 1) / kBlock * kBlock + kBlock; // and its inode and name
        }
    }
    return {};
}

bool is_bound_to(GVariant *commit, const std::string &ref) {
    const Variant metadata(g_variant_get_child_value(commit, 0));
    const char **raw = nullptr;
    if (!g_variant_lookup(metadata.get(), "ostree.ref-binding", "^a&s", &raw)) {
        return false;
    }
    const bool bound = g_strv_contains(raw, ref.c_str()) != 0;
    g_free(static_cast<gpointer>(raw));
    return bound;
}

Result<Offer> look_at(OstreeRepo *repo, const std::string &url, const std::string &target, std::int64_t now,
                      GCancellable *cancellable) {
    GVariantDict dictionary;
    g_variant_dict_init(&dictionary, nullptr);
    g_variant_dict_insert(&dictionary, "override-url", "s", url.c_str());
    const Variant options(g_variant_ref_sink(g_variant_dict_end(&dictionary)));
    GError *error = nullptr;
    GBytes *summary = nullptr, *signatures = nullptr;
    if (!ostree_repo_remote_fetch_summary_with_options(repo, kRemoteName, options.get(), &summary, &signatures,
                                                       cancellable, &error)) {
        return failed("read the summary", error);
    }
    const Bytes owned_summary(summary), owned_signatures(signatures);
    if (summary == nullptr || signatures == nullptr) {
        return fail(EKEYREJECTED, "there is no signed summary");
    }
    const Found found = TRY(find_in_summary(summary, target));
    if (found.expires != 0 && static_cast<std::uint64_t>(now) > found.expires) {
        return fail(ESTALE, "the summary expired at " + std::to_string(found.expires) +
                                " (seconds since 1970) and this machine's clock says " + std::to_string(now) +
                                ": either it serves old data, or the clock is wrong");
    }
    Offer offer{.commit = {.checksum = found.checksum, .version = {}},
                .refspec = is_checksum(target) ? target : std::string(kRemoteName) + ":" + target,
                .url = url,
                .expires = found.expires};
    if (!ostree_repo_pull_with_options(repo, kRemoteName, pull_options(offer, OSTREE_REPO_PULL_FLAGS_COMMIT_ONLY).get(),
                                       nullptr, cancellable, &error)) {
        return failed("fetch commit " + found.checksum, error);
    }
    const Variant commit = TRY(load_commit(repo, found.checksum));
    if (!is_checksum(target) && !is_bound_to(commit.get(), target)) {
        return fail(EKEYREJECTED, "commit " + found.checksum + " was signed, but not for " + target);
    }
    offer.commit = info_of(found.checksum, commit.get());
    offer.boot_bytes = metadata_number(Variant(g_variant_get_child_value(commit.get(), 0)).get(), "ballast.boot-bytes");
    TRY(count_missing(repo, commit.get(), offer));
    return offer;
}

} // namespace

Result<Offer> Sysroot::look(const Source &source, const std::string &target, std::int64_t now, std::stop_token stop) {
    if (source.urls.empty()) {
        return fail(ENOENT, "no repository is configured: name one as \"urls\" in /etc/ballast/updater.json");
    }
    const OwnContext context;
    Cancelling cancelling(stop);
    (void)TRY(data_->lock()); // which is when libostree makes /sysroot writable for us; pulling needs no lock
    const Object<OstreeRepo> repo = TRY(data_->open_repository(source));
    Error all{.code = ENOENT, .message = {}};
    for (const std::string &url : source.urls) {
        Result<Offer> offer = look_at(repo.get(), url, target, now, cancelling.get()).within(url);
        if (offer.has_value() || offer.error().code == ECANCELED) {
            return offer;
        }
        all = {.code = offer.error().code,
               .message = all.message + (all.message.empty() ? "" : "; ") + offer.error().message};
    }
    return std::unexpected(std::move(all));
}

Status Sysroot::pull(const Source &source, const Offer &offer, const std::function<void(const PullProgress &)> &watch,
                     std::stop_token stop) {
    const OwnContext context;
    Cancelling cancelling(stop);
    (void)TRY(data_->lock()); // which is when libostree makes /sysroot writable for us; pulling needs no lock
    const Object<OstreeRepo> repo = TRY(data_->open_repository(source));
    Watched watched{.watch = watch, .offer = offer, .cancellable = cancelling.get()};
    const Object<OstreeAsyncProgress> progress(ostree_async_progress_new_and_connect(on_progress, &watched));
    const FileSizeLimit limit(most_bytes(offer));
    GError *error = nullptr;
    const gboolean pulled =
        ostree_repo_pull_with_options(repo.get(), kRemoteName, pull_options(offer, OSTREE_REPO_PULL_FLAGS_NONE).get(),
                                      progress.get(), cancelling.get(), &error);
    ostree_async_progress_finish(progress.get());
    if (pulled == FALSE && (watched.too_much || FileSizeLimit::was_hit())) {
        g_clear_error(&error);
        return fail(EMSGSIZE, offer.url + " sends far more than the signed size of commit " + offer.commit.checksum);
    }
    return pulled == FALSE ? failed("pull " + offer.commit.version + " from " + offer.url, error) : Status();
}

} // namespace ballast::updater
