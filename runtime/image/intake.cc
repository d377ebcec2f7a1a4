// SPDX-License-Identifier: Apache-2.0
#include "runtime/image/intake.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <ctime>
#include <system_error>
#include <thread>

#include "base/quote.h"
#include "runtime/image/disk_space.h"
#include "runtime/image/store_state.h"

namespace ballast::image {
namespace {

constexpr auto kReportEvery = std::chrono::milliseconds(100);

} // namespace

struct LayerIntake::State {
    StoreState &store;
    ProgressSink *progress;
    LayerNeed need;
    Digest parent;
    std::unique_ptr<BlobWriter> writer = {};
    std::thread thread = {};
    std::stop_source stop = {};
    std::atomic<bool> fetched = false; // the client draws one bar: unpacking shows when the transfer is done
    Result<Layer> outcome = fail(ECANCELED, "not unpacked");

    void report(Stage stage, std::uint64_t current = 0) const {
        if (progress != nullptr) {
            progress->layer(need.blob.digest, stage, current, need.blob.size);
        }
    }

    Status start() {
        BlobReader reader = TRY(BlobReader::follow(*writer));
        try {
            thread = std::thread([this, shared = std::make_shared<BlobReader>(std::move(reader))] {
                auto next = std::chrono::steady_clock::now();
                const ByteSource source = [&](std::span<char> into) {
                    Result<std::size_t> got = shared->read(into);
                    const auto now = std::chrono::steady_clock::now();
                    if (fetched && now >= next) {
                        report(Stage::kExtracting, shared->position());
                        next = now + kReportEvery;
                    }
                    return got;
                };
                outcome = store.layers->unpack(parent, need.diff_id, source, "layer " + need.blob.digest.text(),
                                               stop.get_token());
            });
        } catch (const std::system_error &error) {
            return fail(error.code().value(), "no thread to unpack a layer with");
        }
        return {};
    }

    void give_up() {
        writer.reset(); // wakes the reader behind it
        stop.request_stop();
        if (thread.joinable()) {
            thread.join();
        }
    }
};

LayerIntake::LayerIntake(std::unique_ptr<State> state) : state_(std::move(state)) {}
LayerIntake::~LayerIntake() { state_->give_up(); }

std::uint64_t LayerIntake::offset() const { return state_->writer->offset(); }

Status LayerIntake::restart() {
    TRY(state_->writer->restart());
    if (!state_->thread.joinable()) {
        return {};
    }
    state_->thread.join(); // it read what is no longer there
    return state_->start();
}

Status LayerIntake::write(std::string_view bytes) { return state_->writer->write(bytes); }

Status LayerIntake::finish() {
    if (state_->writer == nullptr) {
        return fail(EINVAL, "layer finished already");
    }
    const bool new_blob = !state_->store.blobs->has(state_->need.blob.digest);
    if (new_blob) {
        state_->report(Stage::kVerifying);
    }
    if (Status fetched = state_->writer->finish(); !fetched.has_value()) {
        state_->give_up();
        return fetched;
    }
    if (new_blob) {
        state_->report(Stage::kDownloaded);
    }
    state_->fetched = true;
    if (state_->thread.joinable()) {
        state_->thread.join();
        if (!state_->outcome.has_value()) {
            return std::unexpected(state_->outcome.error());
        }
    }
    state_->report(state_->need.have_blob && state_->need.have_layer ? Stage::kExists : Stage::kComplete);
    return {};
}

struct Intake::State {
    StoreState &store;
    ProgressSink *progress;
    Lease lease;
    Descriptor manifest_descriptor = {};
    Manifest manifest = {};
    ImageConfig config = {};
    std::vector<LayerNeed> needs = {};
};

Intake::Intake(StoreState &store, ProgressSink *progress)
    : state_(new State{.store = store, .progress = progress, .lease = store.lease()}) {}
Intake::~Intake() = default;

Status Intake::keep(const Descriptor &descriptor, std::string_view bytes) {
    state_->lease.keep(descriptor.digest);
    if (bytes.size() != descriptor.size || Digest::of(bytes, descriptor.digest.algorithm()) != descriptor.digest) {
        return fail(EBADMSG, "document " + descriptor.digest.text() + ": its content is another one");
    }
    const std::unique_ptr<BlobWriter> writer = TRY(state_->store.blobs->write(descriptor));
    if (state_->store.blobs->has(descriptor.digest)) {
        return {};
    }
    TRY(writer->restart());
    TRY(writer->write(bytes));
    return writer->finish();
}

std::optional<std::string> Intake::document(const Descriptor &descriptor) {
    state_->lease.keep(descriptor.digest);
    Result<std::string> text = state_->store.blobs->read(descriptor.digest, kLargestManifest);
    if (!text.has_value() && text.error().code == EBADMSG) {
        (void)state_->store.blobs->remove(descriptor.digest); // damaged on disk: to be fetched again
    }
    return text.has_value() ? std::optional(std::move(*text)) : std::nullopt;
}

Result<std::vector<LayerNeed>> Intake::expect(const Descriptor &descriptor) {
    const std::string name = "manifest " + descriptor.digest.text();
    const std::string text = TRY(state_->store.blobs->read(descriptor.digest, kLargestManifest));
    Manifest manifest = TRY(parse_manifest(text, name));
    ImageConfig config = TRY(state_->store.config_of(manifest.config.digest));
    if (config.diff_ids.size() != manifest.layers.size()) {
        return fail(EINVAL, name + ": " + std::to_string(manifest.layers.size()) +
                                " layers, but its configuration has " + std::to_string(config.diff_ids.size()));
    }
    if (!config.platform.os.empty() && config.platform.os != "linux") {
        return fail(EINVAL, name + ": image operating system " + quote(config.platform.os) +
                                " cannot be used on this platform");
    }
    const std::vector<Digest> chain = config.chain_ids();
    std::vector<LayerNeed> needs;
    std::uint64_t bytes = 0;
    for (std::size_t place = 0; place < chain.size(); place++) {
        LayerNeed need{.blob = manifest.layers[place], .diff_id = config.diff_ids[place], .chain_id = chain[place]};
        state_->lease.keep(need.blob.digest); // before looking: what is there stays there
        state_->lease.keep(need.chain_id);
        need.have_blob = state_->store.blobs->has(need.blob.digest);
        need.have_layer = state_->store.layers->find(need.chain_id).has_value();
        bytes += (need.have_blob ? 0 : need.blob.size) + (need.have_layer ? 0 : need.blob.size);
        needs.push_back(std::move(need));
    }
    // A layer is at least as large unpacked as it is compressed: what cannot fit like that cannot fit at all.
    TRY(bytes > 0 ? check_disk_space(state_->store.settings.root, bytes, "the image") : Status());
    state_->manifest_descriptor = {.media_type = manifest.media_type, .digest = descriptor.digest, .size = text.size()};
    state_->manifest = std::move(manifest);
    state_->config = std::move(config);
    state_->needs = needs;
    return needs;
}

Result<std::unique_ptr<LayerIntake>> Intake::receive(std::size_t layer, std::stop_token stop) {
    const LayerNeed need = state_->needs.at(layer);
    auto state = std::unique_ptr<LayerIntake::State>(
        new LayerIntake::State{.store = state_->store,
                               .progress = state_->progress,
                               .need = need,
                               .parent = layer == 0 ? Digest() : state_->needs[layer - 1].chain_id});
    state->writer = TRY(state_->store.blobs->write(need.blob, std::move(stop)));
    if (!state_->store.layers->find(need.chain_id)) {
        TRY(state->start());
    }
    return std::unique_ptr<LayerIntake>(new LayerIntake(std::move(state)));
}

Result<Digest> Intake::finish(const std::vector<Reference> &names) {
    StoreState &store = state_->store;
    if (state_->manifest.config.digest.empty()) {
        return fail(EINVAL, "an image without documents");
    }
    std::vector<Digest> chain;
    for (const LayerNeed &need : state_->needs) {
        if (!store.layers->find(need.chain_id) || !store.blobs->has(need.blob.digest)) {
            return fail(EINVAL, "image " + state_->manifest.config.digest.text() + ": a layer has not arrived");
        }
        chain.push_back(need.chain_id);
    }
    TRY(store.layers->settle(chain));
    const Digest id = state_->manifest.config.digest;
    TRY(store.change([&](ImageNames &all) -> Status {
        all.add(id, state_->manifest_descriptor, chain.empty() ? Digest() : chain.back());
        const std::int64_t now = std::time(nullptr);
        for (const Reference &name : names) {
            if (!name.tag.empty()) {
                all.name(id, name.with_tag(name.tag), now);
            }
            if (name.digest) {
                all.name(id, name.with_digest(*name.digest), now);
            }
        }
        return {};
    }));
    return id;
}

const ImageConfig &Intake::config() const { return state_->config; }

} // namespace ballast::image
