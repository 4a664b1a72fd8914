//! QMux over one ordered byte pipe.
