# Completes portkey-admin-mcp in Bash. In ~/.bashrc: eval "$(portkey-admin-mcp completion bash)"
_portkey_admin_mcp_completion() {
    local kind value help program=$1
    COMPREPLY=()
    while IFS=$'\t' read -r kind value help; do
        case $kind in
            '') continue ;;
            file) compopt -o default 2>/dev/null; return ;;
            open) compopt -o nospace 2>/dev/null ;;
        esac
        COMPREPLY+=("$value")
    done < <(
        COMP_LINE=${COMP_LINE:0:$COMP_POINT} COMP_WORDBREAKS=$COMP_WORDBREAKS \
            _PORTKEY_ADMIN_MCP_COMPLETE=bash_complete "$program" completion 2>/dev/null
    )
}
complete -F _portkey_admin_mcp_completion portkey-admin-mcp
