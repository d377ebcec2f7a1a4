// SPDX-License-Identifier: Apache-2.0
#include "updater/ostree.h"

#include <algorithm>
#include <chrono>
#include <memory>

#include <ostree.h>

#include "base/file_io.h"
#include "updater/remote_file.h"

namespace ballast::updater {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kBlock = 4096;
constexpr std::uint64_t kSpareBytes = 64ULL << 20; // that a server may send beyond the signed sizes: headers, deltas

struct Unref {
    void operator()(gpointer object) const { g_object_unref(object); }
};
struct VariantUnref {
    void operator()(GVariant *variant) const { g_variant_unref(variant); }
};
struct Free {
    void operator()(gpointer memory) const { g_free(memory); }
};
struct TextsFree {
    void operator()(char **texts) const { g_strfreev(texts); }
};
struct BytesUnref {
    void operator()(GBytes *bytes) const { g_bytes_unref(bytes); }
};
struct ArrayUnref {
    void operator()(GPtrArray *array) const { g_ptr_array_unref(array); }
};
struct KeyFileUnref {
    void operator()(GKeyFile *file) const { g_key_file_unref(file); }
};
struct ArgumentsFree {
    void operator()(OstreeKernelArgs *arguments) const { ostree_kernel_args_free(arguments); }
};

template <typename T>
using Object = std::unique_ptr<T, Unref>;
using Variant = std::unique_ptr<GVariant, VariantUnref>;
using Text = std::unique_ptr<char, Free>;
using Texts = std::unique_ptr<char *, TextsFree>;
using Bytes = std::unique_ptr<GBytes, BytesUnref>;
using Array = std::unique_ptr<GPtrArray, ArrayUnref>;

int code_of(const GError *error) {
    if (error == nullptr) {
        return EIO;
    }
    if (error->domain == OSTREE_GPG_ERROR) {
        return EKEYREJECTED;
    }
    if (error->domain != G_IO_ERROR) {
        return EIO;
    }
    switch (error->code) {
    case G_IO_ERROR_NO_SPACE:
        return ENOSPC;
    case G_IO_ERROR_CANCELLED:
        return ECANCELED;
    case G_IO_ERROR_NOT_FOUND:
        return ENOENT;
    case G_IO_ERROR_READ_ONLY:
        return EROFS;
    case G_IO_ERROR_TIMED_OUT:
        return ETIMEDOUT;
    default:
        return EIO;
    }
}

// Takes the GError of a call that failed.
std::unexpected<Error> failed(const std::string &what, GError *error) {
    const std::string message = what + ": " + (error != nullptr ? error->message : "unknown error");
    const int code = code_of(error);
    g_clear_error(&error);
    return fail(code, message);
}

Object<GFile> file(const fs::path &path) { return Object<GFile>(g_file_new_for_path(path.c_str())); }

std::string metadata_text(GVariant *commit, const char *key) {
    const Variant metadata(g_variant_get_child_value(commit, 0));
    const char *text = nullptr;
    return g_variant_lookup(metadata.get(), key, "&s", &text) ? text : "";
}

std::uint64_t metadata_number(GVariant *metadata, const char *key) {
    std::uint64_t number = 0;
    gint64 whole = 0;
    if (g_variant_lookup(metadata, key, "t", &number)) {
        return number;
    }
    return g_variant_lookup(metadata, key, "x", &whole) && whole > 0 ? static_cast<std::uint64_t>(whole) : 0;
}

CommitInfo info_of(const std::string &checksum, GVariant *commit) {
    return {.checksum = checksum,
            .version = metadata_text(commit, "version"),
            .timestamp = ostree_commit_get_timestamp(commit)};
}

Result<Variant> load_commit(OstreeRepo *repo, const std::string &checksum) {
    GError *error = nullptr;
    GVariant *commit = nullptr;
    if (!ostree_repo_load_commit(repo, checksum.c_str(), &commit, nullptr, &error)) {
        return failed("read commit " + checksum, error);
    }
    return Variant(commit);
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
    if (now.bytes > 2 * watched.offer.download_bytes + kSpareBytes) {
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

} // namespace

struct Sysroot::Data {
    Places places;

    // Read anew: others may have changed it.
    Result<Object<OstreeSysroot>> load() const {
        Object<OstreeSysroot> sysroot(ostree_sysroot_new(file(places.sysroot).get()));
        if (places.sysroot == "/") {
            // The service has a mount namespace of its own, in which libostree may make /sysroot and /boot writable.
            ostree_sysroot_set_mount_namespace_in_use(sysroot.get());
        }
        GError *error = nullptr;
        if (!ostree_sysroot_load(sysroot.get(), nullptr, &error)) {
            return failed("read the deployments of " + places.sysroot.string(), error);
        }
        return sysroot;
    }

    // For changes: nobody else makes any until the sysroot is given back.
    Result<Object<OstreeSysroot>> lock() const {
        Object<OstreeSysroot> sysroot = TRY(load());
        GError *error = nullptr;
        gboolean acquired = FALSE;
        if (!ostree_sysroot_try_lock(sysroot.get(), &acquired, &error)) {
            return failed("lock the deployments of " + places.sysroot.string(), error);
        }
        if (acquired == FALSE) {
            return fail(EBUSY, "another program changes the deployments just now");
        }
        if (!ostree_sysroot_load_if_changed(sysroot.get(), nullptr, nullptr, &error)) {
            return failed("read the deployments of " + places.sysroot.string(), error);
        }
        return sysroot;
    }

    // The system's repository with our own configuration of the remote, which is nowhere on disk for good: what
    // updater.json says is what counts.
    Result<Object<OstreeRepo>> open_repository(const Source &source) const {
        const fs::path remotes = places.run / "remotes.d";
        TRY(make_directories(remotes, 0700));
        TRY(write_file(remotes / "ballast.conf", remote_file(source), 0600));
        const fs::path path = places.sysroot / "ostree/repo";
        Object<OstreeRepo> repo(OSTREE_REPO(g_object_new(OSTREE_TYPE_REPO, "path", file(path).get(), "sysroot-path",
                                                         file(places.sysroot).get(), "remotes-config-dir",
                                                         fs::absolute(remotes).c_str(), nullptr)));
        GError *error = nullptr;
        if (!ostree_repo_open(repo.get(), nullptr, &error)) {
            return failed("open repository " + path.string(), error);
        }
        return repo;
    }

    const char *stateroot(OstreeSysroot *sysroot) const {
        OstreeDeployment *booted = ostree_sysroot_get_booted_deployment(sysroot);
        return booted != nullptr ? ostree_deployment_get_osname(booted) : places.stateroot.c_str();
    }

    Result<Deployment> describe(OstreeSysroot *sysroot, OstreeDeployment *one) const;
    static Result<OstreeDeployment *> find(OstreeSysroot *sysroot, const std::string &name);
    Result<Offer> look_at(OstreeRepo *repo, const std::string &url, const std::string &target, std::int64_t now,
                          GCancellable *cancellable) const;
};

namespace {

std::vector<std::string> arguments_of(OstreeDeployment *one) {
    OstreeBootconfigParser *config = ostree_deployment_get_bootconfig(one);
    const char *options = config != nullptr ? ostree_bootconfig_parser_get(config, "options") : nullptr;
    const std::unique_ptr<OstreeKernelArgs, ArgumentsFree> arguments(ostree_kernel_args_from_string(options));
    const Texts texts(ostree_kernel_args_to_strv(arguments.get()));
    std::vector<std::string> list;
    for (char **text = texts.get(); text != nullptr && *text != nullptr; text++) {
        if (!std::string_view(*text).starts_with("ostree=")) {
            list.emplace_back(*text);
        }
    }
    return list;
}

std::string name_of(OstreeDeployment *one) {
    return std::string(ostree_deployment_get_csum(one)) + "." + std::to_string(ostree_deployment_get_deployserial(one));
}

Result<Texts> changed_arguments(OstreeDeployment *base, const KernelArgumentChanges &changes) {
    OstreeBootconfigParser *config = base != nullptr ? ostree_deployment_get_bootconfig(base) : nullptr;
    const char *options = config != nullptr ? ostree_bootconfig_parser_get(config, "options") : nullptr;
    const std::unique_ptr<OstreeKernelArgs, ArgumentsFree> arguments(ostree_kernel_args_from_string(options));
    GError *error = nullptr;
    for (const std::string &argument : changes.remove) {
        if (!ostree_kernel_args_delete(arguments.get(), argument.c_str(), &error)) {
            return std::unexpected(Error{EINVAL, failed("remove kernel argument " + argument, error).error().message});
        }
    }
    for (const std::string &argument : changes.replace) {
        if (!ostree_kernel_args_new_replace(arguments.get(), argument.c_str(), &error)) {
            return std::unexpected(Error{EINVAL, failed("replace kernel argument " + argument, error).error().message});
        }
    }
    for (const std::string &argument : changes.append) {
        ostree_kernel_args_append(arguments.get(), argument.c_str());
    }
    // libostree gives each deployment its own.
    (void)ostree_kernel_args_delete_key_entry(arguments.get(), "ostree", nullptr);
    return Texts(ostree_kernel_args_to_strv(arguments.get()));
}

} // namespace

Sysroot::Sysroot(std::unique_ptr<Data> data) : data_(std::move(data)) {}
Sysroot::Sysroot(Sysroot &&) noexcept = default;
Sysroot::~Sysroot() = default;

Result<Sysroot> Sysroot::open(const Places &places) {
    auto data = std::make_unique<Data>();
    data->places = places;
    (void)TRY(data->load()); // what cannot be read fails here already
    return Sysroot(std::move(data));
}

Result<Deployment> Sysroot::Data::describe(OstreeSysroot *sysroot, OstreeDeployment *one) const {
    Deployment deployment{.commit = {.checksum = ostree_deployment_get_csum(one), .version = {}},
                          .serial = ostree_deployment_get_deployserial(one),
                          .refspec = {},
                          .booted = one == ostree_sysroot_get_booted_deployment(sysroot),
                          .staged = ostree_deployment_is_staged(one) != 0,
                          .pinned = ostree_deployment_is_pinned(one) != 0,
                          .kernel_arguments = arguments_of(one),
                          .directory = {}};
    if (const Result<Variant> commit = load_commit(ostree_sysroot_repo(sysroot), deployment.commit.checksum);
        commit.has_value()) { // a damaged one is still listed
        deployment.commit = info_of(deployment.commit.checksum, commit->get());
    }
    if (GKeyFile *origin = ostree_deployment_get_origin(one); origin != nullptr) {
        const Text refspec(g_key_file_get_string(origin, "origin", "refspec", nullptr));
        deployment.refspec = refspec ? refspec.get() : "";
    }
    deployment.directory = places.sysroot / Text(ostree_sysroot_get_deployment_dirpath(sysroot, one)).get();
    return deployment;
}

Result<std::vector<Deployment>> Sysroot::deployments() {
    const Object<OstreeSysroot> sysroot = TRY(data_->load());
    const Array list(ostree_sysroot_get_deployments(sysroot.get()));
    std::vector<Deployment> deployments;
    for (guint index = 0; index < list->len; index++) {
        auto *one = static_cast<OstreeDeployment *>(g_ptr_array_index(list.get(), index));
        deployments.push_back(TRY(data_->describe(sysroot.get(), one)));
    }
    return deployments;
}

Result<Offer> Sysroot::Data::look_at(OstreeRepo *repo, const std::string &url, const std::string &target,
                                     std::int64_t now, GCancellable *cancellable) const {
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
        Result<Offer> offer = data_->look_at(repo.get(), url, target, now, cancelling.get()).within(url);
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
    GError *error = nullptr;
    const gboolean pulled =
        ostree_repo_pull_with_options(repo.get(), kRemoteName, pull_options(offer, OSTREE_REPO_PULL_FLAGS_NONE).get(),
                                      progress.get(), cancelling.get(), &error);
    ostree_async_progress_finish(progress.get());
    if (pulled == FALSE && watched.too_much) {
        g_clear_error(&error);
        return fail(EMSGSIZE, offer.url + " sends far more than the signed size of commit " + offer.commit.checksum);
    }
    return pulled == FALSE ? failed("pull " + offer.commit.version + " from " + offer.url, error) : Status();
}

Status Sysroot::deploy(const Deploying &deploying) {
    const Object<OstreeSysroot> sysroot = TRY(data_->lock());
    const std::string stateroot = data_->stateroot(sysroot.get());
    const Object<OstreeDeployment> merge(ostree_sysroot_get_merge_deployment(sysroot.get(), stateroot.c_str()));
    const std::unique_ptr<GKeyFile, KeyFileUnref> origin(
        ostree_sysroot_origin_new_from_refspec(sysroot.get(), deploying.refspec.c_str()));
    // /etc comes from what runs, arguments from what is next: changes that wait for a restart are not lost.
    const Array list(ostree_sysroot_get_deployments(sysroot.get()));
    auto *first = list->len > 0 ? static_cast<OstreeDeployment *>(g_ptr_array_index(list.get(), 0)) : nullptr;
    const Texts arguments = TRY(changed_arguments(first, deploying.kernel_arguments));
    OstreeSysrootDeployTreeOpts options{};
    options.override_kernel_argv = arguments.get();
    GError *error = nullptr;
    OstreeDeployment *made = nullptr;
    const bool running = ostree_sysroot_get_booted_deployment(sysroot.get()) != nullptr;
    const auto prepare = running ? ostree_sysroot_stage_tree_with_options : ostree_sysroot_deploy_tree_with_options;
    if (!prepare(sysroot.get(), stateroot.c_str(), deploying.checksum.c_str(), origin.get(), merge.get(), &options,
                 &made, nullptr, &error)) {
        return failed("deploy " + deploying.checksum, error);
    }
    const Object<OstreeDeployment> deployment(made);
    if (!running &&
        !ostree_sysroot_simple_write_deployment(sysroot.get(), stateroot.c_str(), made, merge.get(),
                                                OSTREE_SYSROOT_SIMPLE_WRITE_DEPLOYMENT_FLAGS_NONE, nullptr, &error)) {
        return failed("write the boot entries", error);
    }
    return {};
}

Result<OstreeDeployment *> Sysroot::Data::find(OstreeSysroot *sysroot, const std::string &name) {
    const Array list(ostree_sysroot_get_deployments(sysroot));
    for (guint index = 0; index < list->len; index++) {
        auto *one = static_cast<OstreeDeployment *>(g_ptr_array_index(list.get(), index));
        if (name_of(one) == name) {
            return one; // the sysroot owns it
        }
    }
    return fail(ENOENT, "there is no deployment " + name);
}

Status Sysroot::pin(const std::string &name, bool pinned) {
    const Object<OstreeSysroot> sysroot = TRY(data_->lock());
    OstreeDeployment *one = TRY(Data::find(sysroot.get(), name));
    if (ostree_deployment_is_staged(one)) {
        return fail(EBUSY, "what is only prepared cannot be pinned: restart first");
    }
    GError *error = nullptr;
    if (!ostree_sysroot_deployment_set_pinned(sysroot.get(), one, pinned ? TRUE : FALSE, &error)) {
        return failed("pin " + name, error);
    }
    return {};
}

namespace {

Status write_deployments(OstreeSysroot *sysroot, GPtrArray *deployments) {
    OstreeSysrootWriteDeploymentsOpts options{};
    options.do_postclean = TRUE;
    GError *error = nullptr;
    if (!ostree_sysroot_write_deployments_with_options(sysroot, deployments, &options, nullptr, &error)) {
        return failed("write the boot entries", error);
    }
    return {};
}

} // namespace

Status Sysroot::make_first(const std::string &name) {
    const Object<OstreeSysroot> sysroot = TRY(data_->lock());
    OstreeDeployment *first = TRY(Data::find(sysroot.get(), name));
    const Array list(ostree_sysroot_get_deployments(sysroot.get()));
    const Array order(g_ptr_array_new());
    g_ptr_array_add(order.get(), first);
    for (guint index = 0; index < list->len; index++) {
        auto *one = static_cast<OstreeDeployment *>(g_ptr_array_index(list.get(), index));
        if (one != first && !ostree_deployment_is_staged(one)) {
            g_ptr_array_add(order.get(), one);
        }
    }
    return write_deployments(sysroot.get(), order.get());
}

Status Sysroot::remove(const std::string &name) {
    const Object<OstreeSysroot> sysroot = TRY(data_->lock());
    OstreeDeployment *gone = TRY(Data::find(sysroot.get(), name));
    if (gone == ostree_sysroot_get_booted_deployment(sysroot.get()) || ostree_deployment_is_pinned(gone)) {
        return fail(EBUSY, "deployment " + name + " runs or is pinned");
    }
    const Array list(ostree_sysroot_get_deployments(sysroot.get()));
    g_ptr_array_remove(list.get(), gone);
    return write_deployments(sysroot.get(), list.get());
}

Status Sysroot::clean_up() {
    const Object<OstreeSysroot> sysroot = TRY(data_->lock());
    GError *error = nullptr;
    if (!ostree_sysroot_cleanup(sysroot.get(), nullptr, &error)) {
        return failed("clean up", error);
    }
    return {};
}

} // namespace ballast::updater
