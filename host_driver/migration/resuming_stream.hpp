// The descriptor of a resuming session: takes the image of a VF and loads it.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "host_driver/migration/mig_buffer.hpp"
#include "host_driver/migration/sync.hpp"
#include "host_driver/migration/vf_session.hpp"
#include "host_driver/migration/vfio_device.hpp"

namespace vfsim::driver {

/// Common to both stream forms: write-only, stream-like, dead after shut().
/// write() fails with ENODEV after the end or an error.
class ResumingStream : public MigStream {
 public:
  explicit ResumingStream(std::shared_ptr<VfSession> session);

  [[nodiscard]] Result<std::vector<std::uint8_t>> read(std::size_t bytes, bool nonblock) final;
  [[nodiscard]] Result<std::size_t> write(const std::uint8_t* data, std::size_t bytes) final;
  [[nodiscard]] Result<std::size_t> seek(std::uint64_t position) final;
  [[nodiscard]] std::uint32_t poll() final;
  [[nodiscard]] Result<PrecopyInfo> precopy_info() final;

  /// Before the session leaves RESUMING; a failure keeps it there. State mutex held.
  [[nodiscard]] virtual Result<void> finish() = 0;
  /// Disables the descriptor, frees everything. State mutex held.
  void shut();
  [[nodiscard]] BufferPool& pool() { return pool_; }

 protected:
  /// Takes all the bytes; state mutex and stream lock held.
  virtual Result<void> take(const std::uint8_t* data, std::size_t bytes) = 0;
  /// Buffers go back to the pool.
  virtual void release() = 0;
  /// Whether a failed write() is the end of the stream.
  [[nodiscard]] virtual bool dies_of_error() const = 0;
  /// LOAD_VHCA_STATE of the first `bytes` bytes of the buffer.
  [[nodiscard]] Result<void> load(const DataBuffer& buffer, std::size_t bytes);

  std::shared_ptr<VfSession> session_;
  BufferPool pool_;

 private:
  std::unique_ptr<Mutex> lock_;
  bool dead_ = false;
};

/// Records; each FW_DATA record is loaded as soon as it is complete. Source: mlx5 device interface
/// sections 6.5, 6.6. write() errors: ENOMEM (record above 2^32 - 1 bytes), EOPNOTSUPP (unknown
/// mandatory record), EINVAL (a STOP_COPY_SIZE record of a wrong length, an empty image), errors of
/// LOAD; any of them ends the stream. finish() drops an incomplete last record without a word, as
/// mlx5 does: whether what was loaded is a whole state is the firmware's to say, at RESUME.
class RecordLoader final : public ResumingStream {
 public:
  using ResumingStream::ResumingStream;
  [[nodiscard]] Result<void> finish() override;

 private:
  enum class Phase : std::uint8_t { header, payload, skip, image };

  Result<void> take(const std::uint8_t* data, std::size_t bytes) override;
  void release() override;
  [[nodiscard]] bool dies_of_error() const override { return true; }
  [[nodiscard]] Result<void> begin_record();
  [[nodiscard]] Result<void> end_record();
  [[nodiscard]] Result<void> prepare_image();

  Phase phase_ = Phase::header;
  std::vector<std::uint8_t> small_;  // header or payload so far
  std::uint64_t record_bytes_ = 0;   // of the payload
  std::uint64_t got_ = 0;            // of a skipped payload or image
  std::uint64_t announced_ = 0;      // stop-copy size
  BufferPtr image_;
};

/// A raw image, loaded when the session leaves RESUMING. write() errors: ENOMEM above 512 MiB.
/// Source: mlx5 device interface sections 6.3, 6.4.
class RawLoader final : public ResumingStream {
 public:
  static constexpr std::size_t kMaxBytes = 512U << 20;

  using ResumingStream::ResumingStream;
  /// ALLOC_PD, CREATE_MKEY, LOAD, DESTROY_MKEY, DEALLOC_PD. EINVAL when nothing was written.
  [[nodiscard]] Result<void> finish() override;

 private:
  Result<void> take(const std::uint8_t* data, std::size_t bytes) override;
  void release() override { image_.clear(); }
  [[nodiscard]] bool dies_of_error() const override { return false; }

  std::vector<std::uint8_t> image_;
};

}  // namespace vfsim::driver
